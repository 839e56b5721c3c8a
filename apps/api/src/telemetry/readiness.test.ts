import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openBlobs, type Blobs } from '@tessera/blobs';
import type { Store } from '@tessera/store';
import { workerState } from '@tessera/store/testing';
import type { RunningServer } from '../index.ts';
import { Undo } from '../undo.ts';
import type { HealthParts } from './health.ts';
import { openOperatorsPort, operatorsRoutes } from './operators-port.ts';
import { openOverview } from './queue-facts.ts';
import { openTestStore, startTestServer } from '../testing/open.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-ready-'));
const undo = new Undo();
let store: Store;
let blobs: Blobs;
let draining = false;

beforeAll(async () => {
  store = await openTestStore({ directory: folder });
  blobs = await openBlobs(join(folder, 'images'), '');
});

afterAll(async () => {
  await undo.run();
  rmSync(folder, { recursive: true, force: true });
});

/** The port of a process of this role. */
async function open(
  role: HealthParts['role'],
  by: Pick<Store, 'ready' | 'database' | 'queue'> = store,
): Promise<string> {
  const models = { models: () => [{ name: 'm' }], problems: () => [] } as unknown as HealthParts['models'];
  const overview = openOverview(by);
  const routes = operatorsRoutes({
    role,
    store: by,
    overview,
    blobs,
    models,
    host: () => null,
    draining: () => draining,
  });
  return openOperatorsPort(routes, { port: 0, address: '127.0.0.1' }, undo);
}

interface Answer {
  readonly status: number;
  readonly reasons: readonly string[];
  readonly notes: readonly string[];
}

async function ready(url: string): Promise<Answer> {
  const response = await fetch(`${url}/readyz`);
  const { reasons, notes } = (await response.json()) as Record<
    'reasons' | 'notes',
    { code: string; message: string }[]
  >;
  for (const { message } of [...reasons, ...notes]) expect(message).toMatch(/\.$/);
  return { status: response.status, reasons: reasons.map(({ code }) => code), notes: notes.map(({ code }) => code) };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 1100));

it('says why requests should go elsewhere, and what else an operator should know', async () => {
  const api = await open('api');
  expect(await ready(api)).toEqual({ status: 200, reasons: [], notes: ['no-worker'] });
  await store.queue.register({ id: 'w', name: 'w', state: workerState });
  await settled();
  expect(await ready(api)).toEqual({ status: 200, reasons: [], notes: ['no-worker-for-model'] });
  const model = { name: 'm', loaded: false, running: 0, millisecondsPerImage: null };
  await store.queue.beat('w', { ...workerState, models: [model] });
  await settled();
  expect(await ready(api)).toEqual({ status: 200, reasons: [], notes: [] });

  draining = true;
  expect(await ready(api)).toEqual({ status: 503, reasons: ['draining'], notes: [] });
  draining = false;

  // Where pictures are to be, there is a file.
  renameSync(join(folder, 'images'), join(folder, 'away'));
  writeFileSync(join(folder, 'images'), '');
  await settled();
  expect(await ready(api)).toEqual({ status: 503, reasons: ['blobs-silent'], notes: [] });
  rmSync(join(folder, 'images'));
  renameSync(join(folder, 'away'), join(folder, 'images'));

  await store.close();
  await settled();
  expect(await ready(api)).toEqual({ status: 503, reasons: ['database-silent'], notes: [] });
  expect((await fetch(`${api}/healthz`)).status).toBe(200);
  expect(await (await fetch(`${api}/metrics`)).text()).toContain('tessera_database_up 0');
});

it('says in time that a database hangs, and gives metrics', async () => {
  const never = () => new Promise<never>(() => undefined);
  const { queue } = store;
  const api = await open('api', { ready: never, database: { query: never }, queue });
  const asked = performance.now();
  expect(await ready(api)).toEqual({ status: 503, reasons: ['database-silent'], notes: [] });
  const metrics = await (await fetch(`${api}/metrics`)).text();
  expect(metrics).toContain('tessera_database_up 0');
  expect(performance.now() - asked).toBeLessThan(9000);
});

it('says of a worker without a process of models that it is being started', async () => {
  const worker = await open('worker');
  const { status, reasons } = await ready(worker);
  expect([status, reasons.at(-1)]).toEqual([503, 'model-process-starting']);
});

it('has metrics on its own port alone where keys are needed', async () => {
  const options = { port: 0, address: '127.0.0.1', playground: join(folder, 'none'), modelFolders: [] };
  const dataDirectory = join(folder, 'data');
  let server: RunningServer | null = null;
  try {
    server = await startTestServer({ ...options, dataDirectory, role: 'all', auth: 'keys', metricsPort: 0 });
    const { url, metrics } = server;
    const statuses = [
      `${url}/metrics`,
      `${url}/readyz`,
      `${metrics}/metrics`,
      `${metrics}/readyz`,
      `${metrics}/graphql`,
    ];
    expect(await Promise.all(statuses.map(async (one) => (await fetch(one)).status))).toEqual([
      404, 200, 200, 200, 404,
    ]);
  } finally {
    await server?.close();
  }
});
