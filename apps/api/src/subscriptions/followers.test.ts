import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { getIntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import WebSocket from 'ws';
import { writeRandomModel } from '@tessera/host/testing';
import type { RunningServer } from '../index.ts';
import { testClient, type TestClient } from '../testing/test-client.ts';
import { startTestServer } from '../testing/open.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-followers-'));
const query = `subscription ($id: ID!) { generationEvents(id: $id) {
  seq kind ... on StepEvent { index positions previews { url } } ... on CompletedEvent { images { url } } } }`;
let server: RunningServer;
let client: TestClient;

beforeAll(async () => {
  await writeRandomModel(join(root, 'sets'), { name: 'sets', width: 32, depth: 1, channels: 1, step: 'set' });
  const options = { port: 0, address: '127.0.0.1', dataDirectory: join(root, 'data'), playground: join(root, 'none') };
  server = await startTestServer({ ...options, modelFolders: [join(root, 'sets')] });
  client = testClient(server.url);
  // The model is in memory from here on.
  await client.events((await client.create({ model: 'sets' })).id);
});

afterAll(async () => {
  await server?.close();
  rmSync(root, { recursive: true, force: true });
});

async function openSocket(): Promise<WebSocket> {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  await once(socket, 'open');
  socket.send('{"type":"connection_init"}');
  await once(socket, 'message');
  return socket;
}

const subscribe = (socket: WebSocket, name: string, id: string) =>
  socket.send(JSON.stringify({ id: name, type: 'subscribe', payload: { query, variables: { id } } }));

/** The texts of a subscription's answers until it completes. */
function answers(socket: WebSocket, name: string): Promise<string[]> {
  const all: string[] = [];
  return new Promise((resolve, reject) => {
    socket.on('message', (bytes: Buffer) => {
      const message = JSON.parse(String(bytes)) as { id?: string; type: string; payload?: unknown };
      if (message.id !== name) return;
      const text = JSON.stringify(message.payload);
      // Places in the queue are told to those who are there at the time.
      if (message.type === 'next') void (text.includes('"WAITING"') || all.push(text));
      else if (message.type === 'complete') resolve(all);
      else reject(new Error(String(bytes)));
    });
  });
}

async function follow(id: string): Promise<string[]> {
  const socket = await openSocket();
  subscribe(socket, 'one', id);
  const all = await answers(socket, 'one');
  socket.close();
  return all;
}

const create = async () => (await client.create({ model: 'sets', images: { count: 4 }, options: { steps: 64 } })).id;

describe('many readers', () => {
  it('get every event once and in order, while it runs and afterwards, and leave the event loop to others', async () => {
    const delay = monitorEventLoopDelay({ resolution: 5 });
    const id = await create();
    delay.enable();
    const live = await Promise.all(Array.from({ length: 200 }, () => follow(id)));
    const later = await Promise.all(Array.from({ length: 200 }, () => follow(id)));
    delay.disable();
    const told = live[0]!.map(
      (text) =>
        (JSON.parse(text) as { data: { generationEvents: { seq: number; kind: string } } }).data.generationEvents,
    );
    expect(told.map(({ seq }) => seq)).toEqual(told.map((_, index) => index + 1));
    // The model may have to be read first, which is told too.
    const kinds = told.map(({ kind }) => kind).filter((kind) => kind !== 'LOADING');
    expect(kinds).toEqual(['QUEUED', 'STARTED', ...Array<string>(64).fill('STEP'), 'COMPLETED']);
    for (const one of [...live, ...later]) expect(one).toEqual(live[0]);
    // This process holds the readers too; the server alone stays below a tenth of a second (docs/adr/0030).
    expect(delay.max / 1e6).toBeLessThan(1000);
  });
});

describe('a socket', () => {
  it('has at most 256 operations at a time; the next is refused in a sentence', async () => {
    const held = await client.create({
      model: 'sets',
      images: { count: 64 },
      options: { steps: 64, respacing: '1000' },
    });
    const socket = await openSocket();
    const refused = answers(socket, 'n256');
    for (let n = 0; n <= 256; n++) subscribe(socket, `n${n}`, held.id);
    await expect(refused).rejects.toThrow(/got one more operation while 256 run.*"code":"too-many-operations"/);
    socket.close();
    await client.cancel(held.id);
  });

  it('is one of at most 256 of an address', async () => {
    // Those of the tests before are closing.
    const open = await vi.waitFor(() => Promise.all(Array.from({ length: 256 }, openSocket)), 60_000);
    const more = new WebSocket(`${server.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
    const [, response] = (await once(more, 'unexpected-response')) as [
      unknown,
      NodeJS.ReadableStream & { statusCode: number },
    ];
    expect(response.statusCode).toBe(429);
    let body = '';
    for await (const chunk of response) body += String(chunk);
    expect(JSON.parse(body)).toMatchObject({ errors: [{ extensions: { code: 'too-many-sockets' } }] });
    open[0]!.close();
    await once(open[0]!, 'close');
    await vi.waitFor(async () => (await openSocket()).close(), 60_000);
    for (const socket of open) socket.terminate();
  });

  it('that goes away in the middle is no word in the log, and stops no other reader', async () => {
    const complaints = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const id = await create();
    const other = follow(id);
    const socket = await openSocket();
    for (let n = 0; n < 200; n++) subscribe(socket, `n${n}`, id);
    await once(socket, 'message');
    socket.terminate();
    expect((await other).length).toBeGreaterThanOrEqual(67);
    await sleep(50);
    expect(complaints.mock.calls).toEqual([]);
    complaints.mockRestore();
  });

  it('whose client does not read is closed before it holds much', async () => {
    const socket = await openSocket();
    const closed = once(socket, 'close') as Promise<[number]>;
    socket.pause();
    // More answers than the sockets of both systems hold.
    const payload = { query: getIntrospectionQuery() };
    for (let n = 0; n < 200; n++) socket.send(JSON.stringify({ id: `n${n}`, type: 'subscribe', payload }));
    await sleep(5000);
    socket.resume();
    // The reset of a connection can overtake the code.
    expect([1013, 1006]).toContain((await closed)[0]);
    expect((await follow(await create())).length).toBeGreaterThanOrEqual(67);
  });
});
