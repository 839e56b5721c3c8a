import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadPlugins } from '@tessera/models';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startHost, type Host, type HostEvent } from './index.ts';
import { writeRandomModel } from './testing/write-random-model.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-plugins-'));
const config = fileURLToPath(new URL('../fixtures/broken.config.ts', import.meta.url));
const reports: string[] = [];
let host: Host;

beforeAll(async () => {
  const { plugins } = await loadPlugins(config);
  const size = { width: 32, depth: 1, channels: 1 } as const;
  const names = ['plain', 'deaf', 'leaky', 'misshapen', 'thrower', 'unbuildable'];
  await writeRandomModel(join(folder, 'own'), { name: 'own', ...size });
  for (const name of names) {
    // What cannot be built is made with one that can.
    const head = name === 'unbuildable' ? plugins.heads.find((one) => one.name === '@acme/plain')! : null;
    const heads = head ? [{ ...head, name: '@acme/unbuildable' }] : plugins.heads;
    const own = { plugin: `@acme/${name}`, plugins: { heads } };
    await writeRandomModel(join(folder, name), { name, ...size, step: 'set', head: own });
  }
  const modelFolders = ['own', ...names].map((name) => join(folder, name));
  host = await startHost({ modelFolders, config, cancelGrace: 1000, report: (line) => reports.push(line) });
}, 120_000);

afterAll(async () => {
  await host?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

async function run(model: string, stop?: AbortController): Promise<HostEvent[]> {
  const all: HostEvent[] = [];
  const options = stop ? { signal: stop.signal } : {};
  for await (const event of host.generate({ model, labels: [1, 2], seed: 3 }, options)) all.push(event);
  return all;
}

const last = async (model: string) => (await run(model)).at(-1);

it('runs the plug-ins of a project in the child, and lists them', async () => {
  expect(await last('plain')).toMatchObject({ type: 'completed' });
  expect(host.plugins().filter(({ package: from }) => from?.startsWith('@acme'))).toHaveLength(6);
});

it('leaves out what shares a name or speaks another contract', () => {
  expect(host.pluginProblems().map(({ code }) => code)).toEqual(['plugin-twice', 'part-contract']);
  expect(host.pluginProblems()[1]!.message).toContain('Update Tessera, or install an older @acme/new.');
});

it('names a plug-in that throws when it is built, and serves the other models', () => {
  expect(host.models().map(({ name }) => name)).toEqual(['own', 'plain', 'deaf', 'leaky', 'misshapen', 'thrower']);
  expect(host.problems()).toMatchObject([{ code: 'part-failed' }]);
  expect(host.problems()[0]!.message).toContain('[@acme/unbuildable] got an error of build(): no driver');
});

it.each([
  ['thrower', 'part-failed', '[@acme/thrower] got an error of sample(): no licence'],
  ['misshapen', 'part-shape', '[@acme/misshapen] got tokens.values_BlC of ['],
  ['leaky', 'part-leaks', '[@acme/leaky] got 1 tensors left behind by sample()'],
])('names the plug-in and the rule: %s', async (model, code, words) => {
  const { pid } = host;
  expect(await last(model)).toMatchObject({ type: 'failed', code, message: expect.stringContaining(words) });
  expect(await last('own')).toMatchObject({ type: 'completed' });
  expect(host.pid).toBe(pid);
});

it('ends a plug-in that ignores a cancel by ending the process, says whose it is, and goes on', async () => {
  const stop = new AbortController();
  const { pid } = host;
  const running = run('deaf', stop);
  const next = run('own');
  setTimeout(() => stop.abort(), 500);
  expect((await running).at(-1)).toEqual({ type: 'canceled' });
  expect((await next).at(-1)).toMatchObject({ type: 'completed' });
  expect(host.pid).not.toBe(pid);
  expect(reports).toEqual([expect.stringMatching(/\[deaf\] got no answer to a cancel for 1 s; .*@acme\/deaf/)]);
}, 60_000);
