import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { writeRandomModel } from '@tessera/host/testing';
import { startServer, type RunningServer } from '../index.ts';
import { testClient } from '../testing/test-client.ts';
import { tryDocuments } from '../testing/try-documents.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-documents-'));
let server: RunningServer;
let id: string;

beforeAll(async () => {
  await writeRandomModel(join(root, 'sets'), { name: 'sets', width: 8, depth: 1, channels: 1, step: 'set' });
  const options = {
    port: 0,
    address: '127.0.0.1',
    dataDirectory: join(root, 'data'),
    playground: join(root, 'none'),
  };
  server = await startServer({ ...options, modelFolders: [join(root, 'sets')] });
  const client = testClient(server.url);
  ({ id } = await client.create({ model: 'sets', images: {}, options: { steps: 2 } }));
  await client.events(id);
}, 120_000);

afterAll(async () => {
  await server?.close();
  rmSync(root, { recursive: true, force: true });
});

/** Another day tries other documents; a failure says its seed. */
const seed = Number(process.env['TESSERA_SEED'] ?? Math.floor(Date.now() / 86_400_000));

async function takes(count: number): Promise<void> {
  const complaints = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const tally = await tryDocuments({ url: server.url, ids: [id, 'sets'], count, seed });
  expect(complaints.mock.calls).toEqual([]);
  complaints.mockRestore();
  console.log(JSON.stringify(tally));
  // The documents reach what they are to try: some run, others are refused for different reasons.
  for (const way of ['HTTP', 'WebSocket', 'SSE']) {
    for (const outcome of ['answered', 'GRAPHQL_PARSE_FAILED', 'GRAPHQL_VALIDATION_FAILED', 'BAD_USER_INPUT']) {
      expect(tally[way]?.[outcome], `${way} ${outcome}`).toBeGreaterThan(0);
    }
  }
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
}
const without = `generated documents on every transport without a fault (TESSERA_SEED=${seed})`;
it(`takes 1,000 ${without}`, () => takes(1000));
it(`takes 10,000 ${without}`, { tags: ['long'], timeout: 600_000 }, () => takes(10_000));
