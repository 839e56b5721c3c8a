import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { writeRandomModel } from '@tessera/host/testing';
import { imagesOfClasses } from '@tessera/request';
import type { RunningServer } from './index.ts';
import { testClient, type TestClient, type TestEvent } from './testing/test-client.ts';
import { openTestStore, startTestServer } from './testing/open.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-storage-'));
const dataDirectory = join(root, 'data');
const modelFolders = ['quick', 'slow'].map((name) => join(root, name));
const reports: string[] = [];
const report = (line: string) => void reports.push(line);
const options = { report, port: 0, address: '127.0.0.1', playground: join(root, 'none'), dataDirectory, modelFolders };
const running = '6c0ffee0-0000-4000-8000-000000000003';
let server: RunningServer;
let client: TestClient;

/*
 * The database refuses the kinds of events that a file in its folder names, as it does on a full disk. `after` of a row
 * is told apart from `before`, so that an error can come when everything has been done.
 */
const refusing = `
  CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF (pg_stat_file('no-' || NEW.kind, true)).size IS NOT NULL THEN
      RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full';
    END IF;
    RETURN NEW;
  END $$`;

const switchOf = (kind: string) => join(dataDirectory, 'database', `no-${kind}`);
const refuse = (...kinds: string[]) => kinds.forEach((kind) => writeFileSync(switchOf(kind), ''));
const take = (...kinds: string[]) => kinds.forEach((kind) => rmSync(switchOf(kind), { force: true }));
/** The worker has said that it keeps events of this generation. */
const kept = (id: string) => vi.waitFor(() => expect(reports.join()).toContain(`${id} is kept`), 60_000);
const last = (events: readonly TestEvent[]) => {
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  const ends = events.filter(({ kind }) => /^(COMPLETED|FAILED|CANCELED)$/.test(kind));
  expect(ends).toEqual(events.slice(-1));
  return ends[0]!;
};

beforeAll(async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  await writeRandomModel(modelFolders[0]!, { name: 'quick', width: 32, depth: 1, channels: 1 });
  await writeRandomModel(modelFolders[1]!, { name: 'slow', width: 192, depth: 8, channels: 3 });
  mkdirSync(dataDirectory);
  const store = await openTestStore({ directory: dataDirectory });
  const { database } = store;
  await database.query(refusing);
  await database.query('CREATE TRIGGER refuse BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION refuse()');
  const request = { model: 'quick', images: imagesOfClasses([1]), seed: 0 };
  const owner = { tenant: '', client: '' };
  const rest = { batchKey: '', priority: 0, deadline: null, idempotencyKey: null, retryOf: null, trace: null };
  await store.generations.create({ id: running, owner, request, ...rest }, { maxQueue: 1, maxQueueOfClient: 1 });
  await database.query("UPDATE generation SET state = 'running', attempt = 1, worker = 'gone'");
  await store.close();
  refuse('restarted');
  server = await startTestServer(options);
  client = testClient(server.url);
});

afterAll(async () => {
  await server?.close();
  rmSync(root, { recursive: true, force: true });
  vi.restoreAllMocks();
});

it('starts while nothing can be written, and goes on with what ran as soon as it can', async () => {
  const reader = client.events(running);
  await kept(running);
  take('restarted');
  expect(last(await reader)).toMatchObject({ kind: 'COMPLETED' });
});

it('refuses what cannot be stored, as data', async () => {
  refuse('queued');
  expect(await client.create({ model: 'quick' })).toMatchObject({ __typename: 'Unavailable', code: 'storage-failed' });
  take('queued');
});

it.each(['started', 'step', 'completed'])(
  'writes %s later where it cannot be written now, and what follows',
  async (kind) => {
    refuse(kind);
    const { id } = await client.create({ model: 'quick', images: { count: 2 } });
    const readers = [client.events(id), client.events(id)];
    await kept(id);
    const query = 'query ($id: ID!) { generation(id: $id) { ... on Generation { state images { picture { url } } } } }';
    expect(await client.query(query, { id })).toMatchObject({
      generation: { images: [{ picture: null }, { picture: null }] },
    });
    take(kind);
    for (const reader of readers) expect(last(await reader).kind).toBe('COMPLETED');
    expect(await client.query(query, { id })).toMatchObject({ generation: { state: 'COMPLETED' } });
  },
);

it('ends what was canceled while nothing could be written, once', async () => {
  refuse('started', 'canceled');
  const { id } = await client.create({ model: 'quick', images: { count: 2 } });
  const readers = [client.events(id), client.events(id)];
  await kept(id);
  expect(await client.cancel(id)).toMatchObject({ __typename: 'Generation' });
  take('started', 'canceled');
  const ends = (await Promise.all(readers)).map((events) => last(events).kind);
  expect(ends[0]).toMatch(/^(CANCELED|COMPLETED)$/);
  expect(ends[1]).toBe(ends[0]);
});

it('keeps a cancel, and goes on with others meanwhile', async () => {
  refuse('canceled');
  const { id } = await client.create({
    model: 'slow',
    images: { condition: { label: 3 }, count: 64 },
    preview: 'NONE',
  });
  const reader = client.events(id);
  await client.events(id, { enough: ({ __typename }) => __typename === 'StepEvent' });
  await client.cancel(id);
  const next = await client.create({ model: 'quick' });
  expect(last(await client.events(next.id)).kind).toBe('COMPLETED');
  await client.cancel(id);
  take('canceled');
  expect(last(await reader).kind).toBe('CANCELED');
});

it('writes at its end what it can write by then', async () => {
  refuse('completed');
  const { id } = await client.create({ model: 'quick' });
  await kept(id);
  take('completed');
  await server.close();
  server = await startTestServer(options);
  client = testClient(server.url);
  expect(last(await client.events(id)).kind).toBe('COMPLETED');
});
