import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { writeRandomModel } from '@tessera/host/testing';
import type { RunningServer } from './index.ts';
import { canMount, mountSmallDisk, type SmallDisk } from './testing/small-disk.ts';
import { testClient, type TestClient } from './testing/test-client.ts';
import { openTestStore, startTestServer } from './testing/open.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-full-'));
const isEnd = ({ __typename }: { __typename: string }) => /^(Completed|Failed|Canceled)Event$/.test(__typename);
let disk: SmallDisk;

describe.skipIf(!canMount)('a full disk (only root may mount one)', () => {
  let server: RunningServer;
  let client: TestClient;

  beforeAll(async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    await writeRandomModel(join(root, 'quick'), { name: 'quick', width: 32, depth: 1, channels: 1 });
    disk = mountSmallDisk(join(root, 'disk'), 100);
    server = await startTestServer({
      port: 0,
      address: '127.0.0.1',
      playground: join(root, 'none'),
      modelFolders: [join(root, 'quick')],
      dataDirectory: disk.directory,
    });
    client = testClient(server.url);
  });

  afterAll(async () => {
    await server?.close();
    disk?.remove();
    rmSync(root, { recursive: true, force: true });
    vi.restoreAllMocks();
  });

  it('ends every generation that was created on it, once there is room: one last event each, and readers end', async () => {
    await client.events((await client.create({ model: 'quick' })).id);
    // Some are created while there is room for a few more pages of the database, the rest when there is none.
    disk.fill(64 * 1024);
    const made: string[] = [];
    for (let seed = 0; seed < 12; seed++) {
      const created = await client.create({ model: 'quick', images: { count: 4 }, seed });
      if (created.__typename === 'Generation') made.push(created.id);
      else expect(created.code).toBe('storage-failed');
    }
    expect(made.length).toBeGreaterThan(0);
    const readers = Promise.all(made.map((id) => client.events(id)));
    await sleep(2000);
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    expect(await client.cancel(made.at(-1)!)).toMatchObject({ __typename: 'Generation' });
    disk.free();
    for (const all of await readers) {
      // Those of the queue are not in the log: they repeat a seq.
      const events = all.filter(({ __typename }) => __typename !== 'WaitingEvent');
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
      expect(events.filter(isEnd).length).toBe(1);
      expect(isEnd(events.at(-1)!)).toBe(true);
    }
    const query = '{ generations(first: 100) { nodes { id state } } }';
    const { generations } = await client.query<{ generations: { nodes: { id: string; state: string }[] } }>(query);
    expect(generations.nodes.filter(({ state }) => state === 'QUEUED' || state === 'RUNNING')).toEqual([]);
    const { id } = await client.create({ model: 'quick' });
    expect((await client.events(id)).at(-1)!.__typename).toBe('CompletedEvent');
  });

  it('refuses an upload as storage-failed, leaves no draft of it, and takes it later', async () => {
    const noise = Uint8Array.from({ length: 256 * 256 }, (_, i) => (i * 2654435761) >>> 13);
    const picture = await sharp(noise, { raw: { height: 256, width: 256, channels: 1 } })
      .png()
      .toBuffer();
    const body = new Blob([new Uint8Array(picture)]);
    const send = () =>
      fetch(`${server.url}/v1/uploads`, { method: 'POST', headers: { 'content-type': 'image/png' }, body });
    const drafts = () => {
      const files = readdirSync(join(disk.directory, 'images'), { recursive: true, withFileTypes: true });
      return files.filter((entry) => entry.isFile() && !entry.name.endsWith('.png'));
    };
    disk.fill();
    const refused = await send();
    expect(refused.status).toBe(507);
    expect(await refused.json()).toMatchObject({ errors: [{ extensions: { code: 'storage-failed' } }] });
    disk.free();
    expect((await send()).status).toBe(201);
    expect(drafts()).toEqual([]);
  });

  it('does not stop the process where PostgreSQL itself panics: the database is opened again', async () => {
    await server.close();
    const store = await openTestStore({ directory: disk.directory });
    const { database } = store;
    const before = await database.query('SELECT count(*) FROM generation');
    disk.fill();
    await database.query('SELECT pg_switch_wal()');
    // The log needs its next file, which has no room: PANIC. A second call into PGlite would never come back.
    const calls = [1, 2, 3].map(() => database.query('UPDATE migration SET version = version'));
    for (const result of await Promise.allSettled(calls)) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'storage-failed' } });
    }
    disk.free();
    await vi.waitFor(() => database.query('SELECT 1'), { timeout: 60_000, interval: 200 });
    expect(await database.query('SELECT count(*) FROM generation')).toEqual(before);
    await store.close();
    await expect(database.query('SELECT 1')).rejects.toMatchObject({ code: 'storage-failed' });
  });
});
