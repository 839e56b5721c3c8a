import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import sharp from 'sharp';
import WebSocket from 'ws';
import { openStore, type EventBody, type Store } from '@tessera/store';
import { newGeneration, roomy, stepBody, workerState } from '@tessera/store/testing';
import { newDatabase } from '@tessera/store/testing/new-database';
import { startRole, type RoleProcess } from '../testing/processes.ts';
import { manageKeys } from './manage-keys.ts';

/* Two API processes over one PostgreSQL, whose logs and traces are read afterwards. */

const root = mkdtempSync(join(tmpdir(), 'tessera-replicas-'));
/** What a receiver of traces got. */
const traces: Buffer[] = [];
let receiver: Server;
let environment: { readonly DATABASE_URL: string };
let replicas: readonly [RoleProcess, RoleProcess];
let secret: string;

beforeAll(async () => {
  mkdirSync(join(root, 'models'));
  receiver = createServer((request, response) => {
    void buffer(request).then((bytes) => traces.push(bytes) && response.end());
  });
  receiver.listen(0, '127.0.0.1');
  const databaseUrl = await newDatabase();
  environment = { DATABASE_URL: databaseUrl };
  secret = await make('ci');
  const start = () =>
    startRole({
      role: 'api',
      databaseUrl,
      dataDirectory: join(root, 'data'),
      models: join(root, 'models'),
      environment: {
        TESSERA_AUTH: 'keys',
        TESSERA_LOG_LEVEL: 'debug',
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`,
      },
    });
  replicas = [await start(), await start()];
});

afterAll(async () => {
  for (const replica of replicas ?? []) await replica.end('SIGKILL');
  receiver?.close();
  rmSync(root, { recursive: true, force: true });
});

async function make(name: string, limits: object = {}): Promise<string> {
  const made = await manageKeys((keys) => keys.create({ tenant: 'acme', name, admin: false, limits }), environment);
  return made!.secret;
}

const ask = ({ url }: RoleProcess, key: string) =>
  fetch(`${url}/graphql?query={models{name}}`, {
    headers: { accept: 'application/json', authorization: `Bearer ${key}` },
  });

function openSocket({ url }: RoleProcess, key: string): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  return new Promise((resolve, reject) => {
    socket.once('open', () => {
      socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } }));
    });
    socket.once('message', () => resolve(socket));
    socket.once('close', (code) => reject(new Error(String(code))));
  });
}

it('signs URLs of images on each replica as on the other', async () => {
  const png = await sharp({ create: { width: 4, height: 4, channels: 3, background: '#fff' } })
    .png()
    .toBuffer();
  const headers = { 'content-type': 'image/png', authorization: `Bearer ${secret}` };
  const [one, other] = replicas;
  const sent = await fetch(`${one.url}/v1/uploads`, { method: 'POST', headers, body: new Uint8Array(png) });
  const { url } = (await sent.json()) as { url: string };
  for (const replica of [one, other]) expect((await fetch(new URL(url, replica.url))).status).toBe(200);
});

it('takes back a key on every replica within seconds, from open sockets too', async () => {
  const key = await make('short');
  const [one, other] = replicas;
  for (const replica of replicas) expect((await ask(replica, key)).status).toBe(200);
  const sockets = await Promise.all([openSocket(one, key), openSocket(other, key)]);
  const kept = await openSocket(other, secret);
  await manageKeys((keys) => keys.revoke('acme', 'short'), environment);
  const began = Date.now();
  const codes = await Promise.all(sockets.map(async (socket) => (await once(socket, 'close'))[0] as number));
  expect(codes).toEqual([4401, 4401]);
  expect(Date.now() - began).toBeLessThan(6000);
  for (const replica of replicas) expect((await ask(replica, key)).status).toBe(401);
  for (const replica of replicas) expect((await ask(replica, secret)).status).toBe(200);
  expect(kept.readyState).toBe(WebSocket.OPEN);
  kept.terminate();
});

it('counts no socket whose client leaves while its key is looked up', async () => {
  const key = await make('hasty', { sockets: 1 });
  const [replica] = replicas;
  const store = await openStore({ url: environment.DATABASE_URL });
  const locked = store.database.query('DO $$ BEGIN LOCK TABLE api_key; PERFORM pg_sleep(1); END $$');
  await sleep(200);
  const gone = new WebSocket(`${replica.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  await once(gone, 'open');
  gone.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } }));
  await sleep(100);
  gone.terminate();
  await locked;
  await store.close();
  expect((await ask(replica, key)).status).toBe(200);
  (await openSocket(replica, key)).terminate();
});

/** A generation of the tenant, whose events a test writes as a worker does. */
async function queued(store: Store): Promise<string> {
  const wish = newGeneration({ owner: { tenant: 'acme', client: 'a' } });
  return (await store.generations.create(wish, roomy)).generation.id;
}

/** An event stream over REST. */
async function follow({ url }: RoleProcess, path: string, headers: Record<string, string>) {
  const response = await fetch(url + path, { headers: { accept: 'text/event-stream', ...headers } });
  expect([response.status, response.headers.get('content-type')]).toEqual([
    200,
    expect.stringContaining('event-stream'),
  ]);
  let said = '';
  const ended = (async () => {
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) said += chunk;
  })();
  const ids = () => [...said.matchAll(/^id: (\d+)$/gm)].map((found) => Number(found[1]));
  return { ended, said: () => said, ids };
}

it('ends the event streams of a key that is taken back, and keeps silent ones of others alive', async () => {
  const store = await openStore({ url: environment.DATABASE_URL });
  try {
    const id = await queued(store);
    const key = await make('streams');
    const document = `subscription { generationEvents(id: "${id}") { seq } }`;
    const graphql = `/graphql/stream?${new URLSearchParams({ query: document }).toString()}`;
    const rest = `/v1/generations/${id}/events`;
    const open = (secretOf: string) =>
      Promise.all(
        replicas.flatMap((replica) =>
          [graphql, rest].map((path) => follow(replica, path, { authorization: `Bearer ${secretOf}` })),
        ),
      );
    const [lost, kept] = await Promise.all([open(key), open(secret)]);
    await vi.waitFor(() => [...lost, ...kept].forEach(({ ids }) => expect(ids()[0]).toBe(1)), 60_000);
    await manageKeys((keys) => keys.revoke('acme', 'streams'), environment);
    const began = Date.now();
    await Promise.all(lost.map(({ ended }) => ended));
    expect(Date.now() - began).toBeLessThan(6000);
    // A comment, every twelve seconds, so that no proxy takes the stream for dead.
    await vi.waitFor(() => kept.forEach(({ said }) => expect(said()).toMatch(/^data: .*\n\n(.*\n)*:\n\n$/m)), 60_000);
    await store.generations.cancel(id);
    await Promise.all(kept.map(({ ended }) => ended));
    expect(kept.map(({ ids }) => ids().at(-1))).toEqual([2, 2, 2, 2]);
  } finally {
    await store.close();
  }
});

it('goes on with an event stream at the other replica, after the last event that came', async () => {
  const store = await openStore({ url: environment.DATABASE_URL });
  try {
    const id = await queued(store);
    await store.queue.register({ id: 'w', name: 'w', state: workerState });
    const [claim] = await store.queue.claim({ worker: 'w', models: ['m'], maxImages: 1 });
    const append = (seq: number, body: EventBody) => store.queue.append([{ id, attempt: claim!.attempt, seq, body }]);
    for (let seq = 2; seq <= 6; seq++) await append(seq, stepBody(seq - 2, 20));
    const authorization = `Bearer ${secret}`;
    const seen: number[] = [];
    for (let turn = 0; seen.at(-1) !== 22; turn++) {
      const controller = new AbortController();
      const path = `/v1/generations/${id}/events`;
      const headers = { authorization, ...(seen.length > 0 && { 'last-event-id': String(seen.at(-1)) }) };
      const response = await fetch(replicas[turn % 2]!.url + path, { headers, signal: controller.signal });
      const next = seen.at(-1) ?? 6;
      for (let seq = next + 1; seq <= Math.min(next + 4, 22); seq++)
        await append(seq, seq < 22 ? stepBody(seq - 2, 20) : { kind: 'canceled' });
      let said = '';
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
        said += chunk;
        if (said.includes(`id: ${Math.min(next + 4, 22)}\n`)) break;
      }
      controller.abort();
      seen.push(...[...said.matchAll(/^id: (\d+)$/gm)].map((found) => Number(found[1])));
    }
    expect(seen).toEqual(Array.from({ length: 22 }, (_, i) => i + 1));
  } finally {
    await store.queue.unregister('w');
    await store.close();
  }
});

it('says no key in an answer, a log or a trace, wherever a client puts it', async () => {
  const wrong = `tsr_${'Z'.repeat(43)}`;
  const [one] = replicas;
  const answers: string[] = [];
  for (const key of [secret, wrong]) {
    const json = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
    const post = (path: string, body: string, headers = {}) =>
      fetch(one.url + path, { method: 'POST', headers: { ...json, ...headers }, body });
    const all = await Promise.all([
      ask(one, key),
      fetch(`${one.url}/graphql?query={models{name}}&key=${key}`, { headers: json }),
      fetch(`${one.url}/v1/generations/x?key=${key}`, { headers: json }),
      fetch(`${one.url}/nothing/of/the/kind`, { headers: json }),
      post('/graphql', '{broken'),
      post('/graphql', JSON.stringify({ query: '{ nope }' })),
      post('/graphql', JSON.stringify({ query: 'mutation { cancelGeneration(input: { id: "x" }) { __typename } }' })),
      post('/v1/uploads', 'no picture', { 'content-type': 'image/png' }),
      post('/v1/images/generations', '{"model": "none"}'),
      post('/v1/generations', '{}', { authorization: `Basic ${key}` }),
    ]);
    for (const answer of all) answers.push(await answer.text());
    await openSocket(one, key).then(
      (socket) => socket.terminate(),
      () => undefined,
    );
  }
  for (const replica of replicas) await replica.end('SIGTERM');
  const said = replicas.map((replica) => replica.output()).join('');
  expect(said).toMatch(/graphql/);
  expect(traces.length).toBeGreaterThan(0);
  for (const [place, text] of [
    ['answers', answers.join('')],
    ['logs', said],
    ['traces', Buffer.concat(traces).toString('latin1')],
  ]) {
    for (const key of [secret, wrong]) expect([place, text!.includes(key.slice(12))]).toEqual([place, false]);
  }
});
