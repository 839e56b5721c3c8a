import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer, type Server } from 'node:https';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { writeRandomModel } from '@tessera/host/testing';
import { openStore, type Store } from '@tessera/store';
import { workerState } from '@tessera/store/testing';
import { newDatabase } from '@tessera/store/testing/new-database';
import { startServer } from '../index.ts';
import { hookCertificate } from '../guard/testing/hook-certificate.ts';
import { toReceiver } from './testing/hooked-process.ts';

/* Webhooks from the request to their receiver: of an API process that is killed while it delivers. */

const folder = mkdtempSync(join(tmpdir(), 'tessera-hooked-'));
const got: { readonly headers: IncomingHttpHeaders; readonly body: string }[] = [];
/** The first message is refused, the second is never answered: its process dies meanwhile. */
const answers = [500, null, 200];
let receiver: Server;
let store: Store;
let options: Parameters<typeof startServer>[0];
let child: ChildProcess | null = null;

beforeAll(async () => {
  receiver = createServer(hookCertificate, async (request, response) => {
    got.push({ headers: request.headers, body: await text(request) });
    const status = answers[got.length - 1];
    if (typeof status === 'number') response.writeHead(status).end();
  });
  receiver.listen(0, '127.0.0.1');
  await writeRandomModel(join(folder, 'quick'), { width: 32, depth: 1, channels: 1, name: 'quick' });
  const databaseUrl = await newDatabase();
  options = {
    ...{ role: 'api', port: 0, address: '127.0.0.1', databaseUrl },
    ...{ dataDirectory: join(folder, 'data'), playground: join(folder, 'none'), modelFolders: [join(folder, 'quick')] },
  };
  store = await openStore({ url: databaseUrl });
});

afterAll(async () => {
  child?.kill('SIGKILL');
  receiver?.closeAllConnections();
  receiver?.close();
  await store?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** @returns its URL */
async function startChild(): Promise<string> {
  const file = fileURLToPath(new URL('testing/hooked-process.ts', import.meta.url));
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const flags = ['--conditions=@tessera/source', '--import', tsx, file, 'serve', JSON.stringify(options)];
  child = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = (await once(child.stdout!, 'data')) as [Buffer];
  return said.toString().trim();
}

async function complete(id: string): Promise<void> {
  await store.queue.register({ id: 'w', name: 'w', state: workerState });
  const [claim] = await store.queue.claim({ worker: 'w', models: ['quick'], maxImages: 1 });
  const done = { kind: 'completed', images: [], timings: { steps: [], images: [], total: 1 } } as const;
  await store.queue.append([{ id, attempt: claim!.attempt, seq: claim!.lastSeq + 1, body: done }]);
}

const left = async () => (await store.database.query('SELECT FROM webhook')).rows.length;

it(
  'are delivered again after a 500, and by another process where theirs is killed meanwhile',
  { tags: ['long'] },
  async () => {
    const url = `https://hook.example:${(receiver.address() as AddressInfo).port}/`;
    const body = JSON.stringify({ model: 'quick', webhook: { url } });
    const headers = { 'content-type': 'application/json' };
    const created = await fetch(`${await startChild()}/v1/generations`, { method: 'POST', headers, body });
    const { id } = (await created.json()) as { id: string };
    await complete(id);
    await vi.waitFor(() => expect(got.length).toBe(2), 60_000);
    child!.kill('SIGKILL');
    await once(child!, 'exit');
    expect(await left()).toBe(1);
    // What the dead one has claimed is another's after a minute.
    await store.database.query("UPDATE webhook SET next_at = next_at - interval '1 minute'");
    const other = await startServer({ ...options, fetch: toReceiver });
    try {
      await vi.waitFor(async () => expect(await left()).toBe(0), 60_000);
      const { secret } = (await (await fetch(`${other.url}/v1/webhooks/secret`)).json()) as { secret: string };
      expect(got.map((one) => one.headers['webhook-id'])).toEqual(Array(3).fill(`${id}.2`));
      for (const one of got) {
        const message = new Webhook(secret).verify(one.body, one.headers as Record<string, string>);
        expect(message).toMatchObject({
          type: 'generation.completed',
          data: { generation: { id, state: 'completed' } },
        });
      }
    } finally {
      await other.close();
    }
  },
);
