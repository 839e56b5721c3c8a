import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { writeRandomModel } from '@tessera/host/testing';
import { imagesOfClasses } from '@tessera/request';
import { startServer, type RunningServer } from './index.ts';
import { openDatabase } from './storage/database.ts';
import { testClient, type TestClient, type TestEvent } from './testing/test-client.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-storage-'));
const dataDirectory = join(root, 'data');
const modelFolders = ['quick', 'slow'].map((name) => join(root, name));
const options = { port: 0, address: '127.0.0.1', playground: join(root, 'none'), dataDirectory, modelFolders };
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
  const database = await openDatabase(dataDirectory);
  await database.query(refusing);
  await database.query('CREATE TRIGGER refuse BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION refuse()');
  const request = JSON.stringify({ model: 'quick', images: imagesOfClasses([1]), seed: 0 });
  const sql = "INSERT INTO generation (id, model, request, state, last_seq) VALUES ($1, 'quick', $2, 'running', 0)";
  await database.query(sql, [running, request]);
  await database.close();
  refuse('failed');
  server = await startServer(options);
  client = testClient(server.url);
}, 120_000);

afterAll(async () => {
  await server?.close();
  rmSync(root, { recursive: true, force: true });
  vi.restoreAllMocks();
});

it('starts while nothing can be written, and ends what ran as soon as it can', async () => {
  const reader = client.events(running);
  await sleep(300);
  take('failed');
  expect(last(await reader)).toMatchObject({ kind: 'FAILED', code: 'interrupted' });
});

it('refuses what cannot be stored, as data', async () => {
  refuse('queued');
  expect(await client.create({ model: 'quick' })).toMatchObject({ __typename: 'Unavailable', code: 'storage-failed' });
  take('queued');
});

it.each([
  ['started', 'FAILED'],
  ['step', 'FAILED'],
  ['completed', 'COMPLETED'],
])('ends a generation whose event %s could not be written, once and later: %s', async (kind, end) => {
  refuse(kind, 'failed');
  const { id } = await client.create({ model: 'quick', images: { count: 2 } });
  const readers = [client.events(id), client.events(id)];
  await vi.waitFor(() => expect(console.error).toHaveBeenCalledWith(expect.stringContaining(`${id} is kept`)), 10_000);
  // The next one does not wait for it.
  const query = 'query ($id: ID!) { generation(id: $id) { ... on Generation { state images { picture { url } } } } }';
  expect(await client.query(query, { id })).toMatchObject({
    generation: { images: [{ picture: null }, { picture: null }] },
  });
  expect(await client.cancel(id)).toMatchObject({ __typename: 'Generation' });
  take(kind, 'failed');
  for (const reader of readers) expect(last(await reader).kind).toBe(end);
  expect(await client.query(query, { id })).toMatchObject({ generation: { state: end } });
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
  await vi.waitFor(() => expect(console.error).toHaveBeenCalledWith(expect.stringContaining(`${id} is kept`)), 10_000);
  take('completed');
  await server.close();
  server = await startServer(options);
  client = testClient(server.url);
  expect(last(await client.events(id)).kind).toBe('COMPLETED');
}, 30_000);
