import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { loadPlugins } from '@tessera/models';
import { imagesOfClasses } from '@tessera/request';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { startHost, type Host, type HostEvent } from './index.ts';
import { writeRandomModel } from './testing/write-random-model.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-hanging-'));
const config = fileURLToPath(new URL('../fixtures/hanging.config.ts', import.meta.url));
const reports: string[] = [];
let host: Host;

beforeAll(async () => {
  const { plugins } = await loadPlugins(config);
  const size = { width: 32, depth: 1, channels: 1, step: 'set' } as const;
  await writeRandomModel(join(folder, 'plain'), { name: 'plain', ...size, head: { plugin: '@acme/plain', plugins } });
  await writeRandomModel(join(folder, 'slow'), { name: 'slow', width: 192, depth: 8, channels: 3 });
  for (const name of ['looping', 'mute']) {
    cpSync(join(folder, 'plain'), join(folder, name), { recursive: true });
    const file = join(folder, name, 'model.json');
    const manifest = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify({ ...manifest, name, head: { ...manifest.head, plugin: `@acme/${name}` } }));
  }
  const modelFolders = ['plain', 'slow', 'looping', 'mute'].map((name) => join(folder, name));
  const report = (line: string) => reports.push(line);
  host = await startHost({ modelFolders, config, stepLimit: 4000, beatLimit: 4000, report });
});

beforeEach(() => void reports.splice(0));

afterAll(async () => {
  await host?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

async function run(model: string, count = 2, onStep?: () => void): Promise<HostEvent[]> {
  const all: HostEvent[] = [];
  for await (const event of host.generate({
    model,
    images: imagesOfClasses(new Array<number>(count).fill(1)),
    seed: 3,
  })) {
    all.push(event);
    if (event.type === 'step') onStep?.();
  }
  return all;
}

it.each(['looping', 'mute'])(
  'ends %s by itself, names its part, and goes on with the others',
  async (name) => {
    const { pid } = host;
    const hanging = run(name);
    const next = run('plain');
    await vi.waitFor(() => expect(host.health()).toMatchObject({ status: 'hanging' }), 60_000);
    expect((await hanging).at(-1)).toMatchObject({
      type: 'failed',
      code: 'part-hangs',
      message: expect.stringMatching(
        `^\\[${name}\\] got no end of a step for 4 s: .*; expected .*@acme/${name}\\.$`,
      ) as string,
    });
    expect(host.health()).toMatchObject({ status: 'starting' });
    expect((await next).at(-1)).toMatchObject({ type: 'completed' });
    expect(host.health()).toEqual({ status: 'ok', why: null });
    expect(host.pid).not.toBe(pid);
    expect(reports).toEqual([expect.stringContaining('no end of a step')]);
  },
  120_000,
);

it('ends a process that was stopped, while a generation runs and while nothing does', { tags: ['long'] }, async () => {
  for (const busy of [true, false]) {
    const pid = host.pid!;
    let running: Promise<HostEvent[]> | null = null;
    if (busy) await new Promise<void>((begun) => (running = run('slow', 32, begun)));
    process.kill(pid, 'SIGSTOP');
    const next = run('plain');
    await vi.waitFor(() => expect(host.health()).toMatchObject({ status: 'hanging' }), 60_000);
    if (running) {
      expect((await (running as Promise<HostEvent[]>)).at(-1)).toMatchObject({ type: 'failed', code: 'part-hangs' });
      expect((await next).at(-1)).toMatchObject({ type: 'completed' });
    } else {
      expect((await next).at(-1)).toMatchObject({ type: 'failed', code: 'part-hangs' });
      expect((await run('plain')).at(-1)).toMatchObject({ type: 'completed' });
    }
    expect(host.pid).not.toBe(pid);
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  }
});

it('ends a process that was stopped as soon as it was ready', { tags: ['long'] }, async () => {
  const modelFolders = [join(folder, 'plain')];
  const young = await startHost({ modelFolders, config, beatLimit: 2000, report: () => undefined });
  const pid = young.pid!;
  process.kill(pid, 'SIGSTOP');
  await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow('ESRCH'), 60_000);
  await young.dispose();
});

it('tells a process that has died, until another is there', async () => {
  const pid = host.pid!;
  process.kill(pid, 'SIGKILL');
  await vi.waitFor(() => expect(host.health()).toMatchObject({ status: 'starting' }), 60_000);
  await vi.waitFor(() => expect(host.health()).toMatchObject({ status: 'ok' }), 60_000);
  expect(host.pid).not.toBe(pid);
});
