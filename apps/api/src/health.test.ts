import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { writeRandomModel } from '@tessera/host/testing';
import type { RunningServer } from './index.ts';
import { testClient } from './testing/test-client.ts';
import { startTestServer } from './testing/open.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-health-'));
const reports: string[] = [];
let server: RunningServer;

beforeAll(async () => {
  await writeRandomModel(join(root, 'quick'), { name: 'quick', width: 32, depth: 1, channels: 1 });
  server = await startTestServer({
    port: 0,
    address: '127.0.0.1',
    dataDirectory: join(root, 'data'),
    playground: join(root, 'none'),
    modelFolders: [join(root, 'quick')],
    beatLimit: 4000,
    report: (line) => reports.push(line),
  });
});

afterAll(async () => {
  await server?.close();
  rmSync(root, { recursive: true, force: true });
});

interface Health {
  readonly status: string;
  readonly modelProcess: string | null;
  readonly models: readonly string[];
}

/** As `/readyz` and `/healthz` say it. */
async function health(): Promise<[number, readonly string[], Health]> {
  const ready = await fetch(`${server.url}/readyz`);
  const { reasons } = (await ready.json()) as { reasons: readonly { readonly code: string }[] };
  const lives = await fetch(`${server.url}/healthz`);
  expect(lives.status).toBe(200);
  return [ready.status, reasons.map(({ code }) => code), (await lives.json()) as Health];
}

it(
  'tells a model process that is stopped, one that is being started, and one that is well',
  { tags: ['long'] },
  async () => {
    const pid = server.host!.pid!;
    expect(await health()).toEqual([
      200,
      [],
      expect.objectContaining({ status: 'ok', modelProcess: null, models: ['quick'] }),
    ]);
    process.kill(pid, 'SIGSTOP');
    const seen = new Map<string, string | null>();
    const unready = new Set<string>();
    const look = async () => {
      const [code, reasons, { status, modelProcess }] = await health();
      // Both were asked one after the other.
      if (reasons[0] === `model-process-${status}`) expect(code).toBe(503);
      if (reasons[0]) unready.add(reasons[0]);
      else expect(code).toBe(200);
      seen.set(status, modelProcess);
      expect(server.host!.pid).not.toBe(pid);
      expect(status).toBe('ok');
    };
    await vi.waitFor(look, { timeout: 60_000, interval: 50 });
    expect([...seen.keys()]).toEqual(['ok', 'hanging', 'starting']);
    expect([...unready]).toEqual(['model-process-hanging', 'model-process-starting']);
    expect(seen.get('hanging')).toMatch(/^The model process has been silent for 2 s or more, .*\.$/);
    expect(seen.get('starting')).toMatch(/\.$/);
    expect(reports).toEqual([expect.stringContaining('no beat of the model process for 4 s')]);
    const client = testClient(server.url);
    const { id } = await client.create({ model: 'quick' });
    expect((await client.events(id)).at(-1)).toMatchObject({ kind: 'COMPLETED' });
  },
);
