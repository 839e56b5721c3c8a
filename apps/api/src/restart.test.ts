import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeRandomModel } from '@tessera/host/testing';
import { startServer, type RunningServer } from './index.ts';
import { openDatabase } from './storage/database.ts';
import { testClient, type TestClient } from './testing/test-client.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-restart-'));
const modelFolders = [join(root, 'quick'), join(root, 'slow')] as const;
const options = {
  port: 0,
  address: '127.0.0.1',
  dataDirectory: join(root, 'data'),
  playground: join(root, 'none'),
  modelFolders,
};
/** A generation as version 0.1.0 stored it, when options were fields of their own in the API. */
const old = {
  id: '6c0ffee0-0000-4000-8000-000000000001',
  request: { model: 'quick', labels: [3], seed: 7, options: { topK: 10, smooth: false }, guidance: 2 },
};
let server: RunningServer;
let client: TestClient;

async function start(): Promise<void> {
  server = await startServer(options);
  client = testClient(server.url);
}

beforeAll(async () => {
  await writeRandomModel(modelFolders[0], { name: 'quick', width: 32, depth: 1, channels: 1 });
  await writeRandomModel(modelFolders[1], { name: 'slow', width: 192, depth: 8, channels: 3 });
  mkdirSync(options.dataDirectory);
  const database = await openDatabase(options.dataDirectory);
  const row = [old.id, JSON.stringify(old.request)];
  const sql = "INSERT INTO generation (id, model, request, state, last_seq) VALUES ($1, 'quick', $2, 'queued', 1)";
  await database.query(sql, row);
  await database.query(
    "INSERT INTO event (generation_id, seq, kind, payload) VALUES ($1, 1, 'queued', '{\"position\": 0}')",
    [old.id],
  );
  await database.close();
  await start();
}, 120_000);

afterAll(async () => {
  await server?.close();
  rmSync(root, { recursive: true, force: true });
});

describe('a server that starts', () => {
  it('runs what an earlier version queued, and tells its options', async () => {
    expect((await client.events(old.id)).at(-1)!.__typename).toBe('CompletedEvent');
    const query = `query ($id: ID!) { generation(id: $id) { ... on Generation { options guidance images } } }`;
    const { generation } = await client.query<{ generation: { images: string[] } }>(query, { id: old.id });
    expect(generation).toMatchObject({ options: { topK: 10, smooth: false }, guidance: 2 });
    const again = await client.create(old.request);
    expect((await client.events(again.id)).at(-1)!.images).toEqual(generation.images);
  });
});

describe('the end of a server', () => {
  it('keeps its data directory to itself', async () => {
    await expect(startServer(options)).rejects.toMatchObject({ code: 'data-directory-in-use' });
  });

  it('loses nothing: queued generations run at the next start, running ones are marked interrupted', async () => {
    const running = await client.create({ model: 'slow', label: 3, count: 64, preview: 'NONE' });
    const queued = await client.create({ model: 'quick', labels: [4], seed: 3, options: { topP: 0.5 } });
    const before = await client.events(running.id, { enough: ({ __typename }) => __typename === 'StepEvent' });
    await server.close();
    await start();
    const rest = await client.events(running.id, { after: before.at(-1)!.seq });
    expect(rest.at(-1)).toMatchObject({ __typename: 'FailedEvent', code: 'interrupted' });
    const seqs = [...before, ...rest].map(({ seq }) => seq);
    expect(seqs).toEqual(seqs.map((_, index) => index + 1));
    expect((await client.events(queued.id)).at(-1)!.__typename).toBe('CompletedEvent');
  });
});
