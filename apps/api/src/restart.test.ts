import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeRandomModel } from '@tessera/host/testing';
import { startServer, type RunningServer } from './index.ts';
import { writeOldDatabase } from './testing/old-database.ts';
import { ofLabels, testClient, type TestClient } from './testing/test-client.ts';
import { startTestServer } from './testing/open.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-restart-'));
const modelFolders = [join(root, 'quick'), join(root, 'slow')] as const;
const options = {
  port: 0,
  address: '127.0.0.1',
  dataDirectory: join(root, 'data'),
  playground: join(root, 'none'),
  modelFolders,
};
/** A generation as version 0.1.0 stored it: with a label for each image, -1 for none. */
const old = {
  id: '6c0ffee0-0000-4000-8000-000000000001',
  state: 'queued' as const,
  request: { model: 'quick', labels: [3, -1], seed: 7, options: { topK: 10, smooth: false }, guidance: 2 },
};
/** The same, of a class that the model no longer has. */
const misfit = { ...old, id: '6c0ffee0-0000-4000-8000-000000000002', request: { ...old.request, labels: [10] } };
/** That version wrote no tokens, so no worker can go on with what it ran. */
const interrupted = { ...old, id: '6c0ffee0-0000-4000-8000-000000000003', state: 'running' as const };
let server: RunningServer;
let client: TestClient;

async function start(): Promise<void> {
  server = await startTestServer(options);
  client = testClient(server.url);
}

beforeAll(async () => {
  await writeRandomModel(modelFolders[0], { name: 'quick', width: 32, depth: 1, channels: 1 });
  await writeRandomModel(modelFolders[1], { name: 'slow', width: 32, depth: 1, channels: 3, step: 'set' });
  await writeOldDatabase(options.dataDirectory, [old, misfit, interrupted]);
  await start();
});

afterAll(async () => {
  await server?.close();
  rmSync(root, { recursive: true, force: true });
});

describe('a server that starts', () => {
  it('runs what an earlier version queued, and tells its options', async () => {
    expect((await client.events(old.id)).at(-1)!.__typename).toBe('CompletedEvent');
    const query = `query ($id: ID!) { generation(id: $id) { ... on Generation {
      options guidance images { condition { kind ... on ClassCondition { label } } picture { url } } } } }`;
    interface Old {
      readonly images: readonly { readonly condition: object; readonly picture: { readonly url: string } }[];
    }
    const { generation } = await client.query<{ generation: Old }>(query, { id: old.id });
    expect(generation).toMatchObject({ options: { topK: 10, smooth: false }, guidance: 2 });
    expect(generation.images.map(({ condition }) => condition)).toEqual([
      { kind: 'CLASS', label: 3 },
      { kind: 'NONE' },
    ]);
    const { labels, ...rest } = old.request;
    const again = await client.create({ ...rest, images: ofLabels(labels) });
    expect((await client.events(again.id)).at(-1)!.images).toEqual(generation.images.map(({ picture }) => picture.url));
  });

  it('checks what was queued once more: its model may have changed', async () => {
    expect((await client.events(misfit.id)).at(-1)).toMatchObject({
      __typename: 'FailedEvent',
      code: 'label-out-of-range',
    });
  });
});

it('says of what an earlier version ran that it was interrupted', async () => {
  expect((await client.events(interrupted.id)).at(-1)).toMatchObject({
    __typename: 'FailedEvent',
    code: 'interrupted',
  });
});

describe('the end of a server', () => {
  it('keeps its data directory to itself', async () => {
    await expect(startServer(options)).rejects.toMatchObject({ code: 'data-directory-in-use' });
  });

  it('loses nothing: queued generations run at the next start, running ones go on where they were', async () => {
    // Steps of equal length: it does not end while it is stopped.
    const images = { condition: { label: 3 }, count: 12 };
    const long = { model: 'slow', images, options: { steps: 64, respacing: '1000' }, preview: 'NONE' };
    const whole = await client.events((await client.create(long)).id);
    const running = await client.create(long);
    const queued = await client.create({ model: 'quick', images: ofLabels([4]), seed: 3, options: { topP: 0.5 } });
    const before = await client.events(running.id, { enough: ({ __typename }) => __typename === 'StepEvent' });
    await server.close();
    await start();
    const all = [...before, ...(await client.events(running.id, { after: before.at(-1)!.seq }))];
    expect(all.map(({ seq }) => seq)).toEqual(all.map((_, index) => index + 1));
    expect(all.some(({ __typename }) => __typename === 'RestartedEvent')).toBe(true);
    const steps = all.flatMap(({ __typename, index }) => (__typename === 'StepEvent' ? [index] : []));
    expect(steps).toEqual(Array.from({ length: 64 }, (_, index) => index));
    expect(all.at(-1)!.images).toEqual(whole.at(-1)!.images);
    expect((await client.events(queued.id)).at(-1)!.__typename).toBe('CompletedEvent');
  });
});
