import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadPlugins } from '@tessera/models';
import { imagesOfClasses } from '@tessera/request';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startHost, type Host, type HostEvent } from './index.ts';
import { writeRandomModel } from './testing/write-random-model.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-plugins-'));
const config = fileURLToPath(new URL('../fixtures/broken.config.ts', import.meta.url));
const reports: string[] = [];
const printed: string[] = [];
const names = 'plain deaf mute leaky misshapen thrower undrawn loose stuck crasher narrow unbuildable'.split(' ');
let host: Host;

beforeAll(async () => {
  const { plugins } = await loadPlugins(config);
  const size = { width: 32, depth: 1, channels: 1 } as const;
  await writeRandomModel(join(folder, 'own'), { name: 'own', ...size });
  const plain = { plugin: '@acme/plain', plugins };
  await writeRandomModel(join(folder, 'plain'), { name: 'plain', ...size, step: 'set', head: plain });
  for (const name of names.slice(1)) {
    // The same weights under another head.
    cpSync(join(folder, 'plain'), join(folder, name), { recursive: true });
    const file = join(folder, name, 'model.json');
    const manifest = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify({ ...manifest, name, head: { ...manifest.head, plugin: `@acme/${name}` } }));
  }
  const modelFolders = ['own', ...names].map((name) => join(folder, name));
  host = await startHost({
    modelFolders,
    config,
    modelBytes: 1,
    cancelGrace: 1000,
    report: (line) => reports.push(line),
    print: (line) => printed.push(line),
  });
});

afterAll(async () => {
  await host?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

async function run(model: string, stop?: AbortController): Promise<HostEvent[]> {
  const all: HostEvent[] = [];
  const options = stop ? { signal: stop.signal } : {};
  for await (const event of host.generate({ model, images: imagesOfClasses([1, 2]), seed: 3 }, options)) {
    // A model that hangs does so when it is warmed.
    if (event.type === 'loading' && stop) setTimeout(() => stop.abort(), 500);
    all.push(event);
  }
  return all;
}

const last = async (model: string) => (await run(model)).at(-1);

it('runs the plug-ins of a project in the child, and lists them', async () => {
  expect(await last('plain')).toMatchObject({ type: 'completed' });
  expect(host.plugins().filter(({ package: from }) => from?.startsWith('@acme'))).toHaveLength(12);
});

it('leaves out what shares a name or speaks another contract', () => {
  expect(host.pluginProblems().map(({ code }) => code)).toEqual([
    'part-shape',
    'part-failed',
    'plugin-twice',
    'part-contract',
  ]);
  expect(host.pluginProblems()[0]!.message).toContain('[@acme/late] got a promise of options()');
  expect(host.pluginProblems()[1]!.message).toContain('got an error of its definition: hands off');
  expect(host.pluginProblems()[3]!.message).toContain('Update Tessera, or install an older @acme/new.');
});

it('names a plug-in that throws when it is built, and serves the other models', () => {
  expect(host.models().map(({ name }) => name)).toEqual(['own', ...names.slice(0, -1)]);
  expect(host.problems()).toMatchObject([{ code: 'part-failed' }]);
  expect(host.problems()[0]!.message).toContain('[@acme/unbuildable] got an error of build(): no driver');
});

it.each([
  ['thrower', 'part-failed', '[@acme/thrower] got an error of sample(): no licence'],
  ['misshapen', 'part-shape', '[@acme/misshapen] got tokens.values_BlC of ['],
  ['undrawn', 'part-numbers', '[@acme/undrawn] got NaN in tokens.values_BlC of sample() at step 1 of 5'],
  ['leaky', 'part-leaks', '[@acme/leaky] got 1 tensors left behind by sample()'],
])('names the plug-in and the rule: %s', async (model, code, words) => {
  const { pid } = host;
  expect(await last(model)).toMatchObject({ type: 'failed', code, message: expect.stringContaining(words) });
  expect(await last('own')).toMatchObject({ type: 'completed' });
  expect(host.pid).toBe(pid);
});

it('goes on after a promise that a plug-in did not await, and after a part that cannot be disposed', async () => {
  const { pid } = host;
  // No two models fit into memory: each of these makes room for the next.
  for (const model of ['loose', 'stuck', 'own', 'plain']) {
    expect(await last(model)).toMatchObject({ type: 'completed' });
  }
  expect(host.pid).toBe(pid);
  expect(printed.splice(0).join('\n')).toMatch(/telemetry is down[^]*device is lost/);
});

it('makes a batch that fails one by one, from the steps that are written, and fails the one that did it', async () => {
  const request = (labels: readonly number[]) =>
    host.check({ model: 'narrow', images: imagesOfClasses(labels), seed: 3 });
  const member = (id: string, labels: readonly number[]) => ({
    id,
    request: request(labels),
    written: [] as Uint8Array[],
  });
  const play = async (members: readonly ReturnType<typeof member>[]) => {
    const told: Record<string, HostEvent[]> = {};
    for await (const { id, event } of host.runBatch(members).events) (told[id] ??= []).push(event);
    const of = (id: string) => told[id]!.filter(({ type }) => type !== 'loading');
    const steps = (id: string) => of(id).flatMap((event) => (event.type === 'step' ? [event] : []));
    const images = (id: string) => of(id).flatMap((event) => (event.type === 'image' ? [Buffer.from(event.png)] : []));
    return { of, steps, images };
  };
  const alone = await play([member('a', [1, 2])]);
  const written = alone
    .steps('a')
    .slice(0, 2)
    .map(({ tokens }) => tokens);
  const { pid } = host;
  const all = await play([{ ...member('a', [1, 2]), written }, member('wide', [4, 5, 6]), member('b', [7])]);
  expect(all.of('wide').map(({ type }) => type)).toEqual(['started', 'failed']);
  expect(all.of('wide').at(-1)).toMatchObject({
    code: 'part-failed',
    message: expect.stringContaining('3 images are too many'),
  });
  expect(all.of('a')[0]).toEqual({ type: 'restarted', fromStep: 2 });
  expect(all.steps('a').map(({ index }) => index)).toEqual([2, 3, 4]);
  expect(all.steps('b').map(({ index }) => index)).toEqual([0, 1, 2, 3, 4]);
  expect(all.images('a')).toEqual(alone.images('a'));
  expect(all.images('b')).toEqual((await play([member('b', [7])])).images('b'));
  expect([all.of('a').at(-1)!.type, all.of('b').at(-1)!.type, host.pid]).toEqual(['completed', 'completed', pid]);
});

it.each(['deaf', 'mute'])(
  'cancels %s at once, ends its process if it goes on, and says whose it is',
  async (name) => {
    const stop = new AbortController();
    const { pid } = host;
    const running = run(name, stop);
    const next = run('own');
    expect((await running).at(-1)).toEqual({ type: 'canceled' });
    expect([host.pid, reports]).toEqual([pid, []]);
    expect((await next).at(-1)).toMatchObject({ type: 'completed' });
    expect(host.pid).not.toBe(pid);
    expect(reports.splice(0)).toEqual([
      expect.stringMatching(`\\[${name}\\] got no answer to a cancel for 1 s; .*@acme/${name}`),
    ]);
  },
  120_000,
);

it('names the parts by others where the whole process ended', async () => {
  expect(await last('crasher')).toMatchObject({
    type: 'failed',
    code: 'model-process-died',
    message: expect.stringMatching(
      /exit code 7 during a generation of crasher; .* Its parts by others: @acme\/crasher\./,
    ),
  });
  expect(reports.splice(0)).toHaveLength(1);
  expect(printed).toContain('The driver is gone.');
  expect(printed).toContain('backtrace:');
  expect(printed.filter((line) => /^(#0 ){5000}main$/.test(line))).toHaveLength(1);
});
