import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'graphql-ws';
import { AuthenticationError, OpenAI, RateLimitError } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import sharp from 'sharp';
import WebSocket from 'ws';
import { startServer, type RunningServer } from '../index.ts';
import { apiKeys } from './api-keys.ts';
import { openTestStore, startTestServer } from '../testing/open.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-keys-'));
const dataDirectory = join(root, 'data');
for (const folder of ['data', 'other']) mkdirSync(join(root, folder));
const keysOf = async <T>(task: (keys: ReturnType<typeof apiKeys>) => Promise<T>): Promise<T> => {
  const store = await openTestStore({ directory: dataDirectory });
  try {
    return await task(apiKeys(store.database));
  } finally {
    await store.close();
  }
};

describe('keys', () => {
  it('are stored without their secret, told once, and one of each name', async () => {
    const store = await openTestStore({ directory: join(root, 'other') });
    const { database } = store;
    const keys = apiKeys(database);
    const made = (await keys.create({ tenant: 'acme', name: 'ci', admin: false, limits: {} }))!;
    expect(made.secret).toMatch(/^tsr_[\w-]{43}$/);
    expect(made.secret.startsWith(made.key.prefix)).toBe(true);
    expect(await keys.create({ tenant: 'acme', name: 'ci', admin: true, limits: { waiting: 2 } })).toBe(null);
    await keys.create({ tenant: 'other', name: 'ci', admin: true, limits: { waiting: 2 } });
    const { rows } = await database.query('SELECT * FROM api_key');
    expect(JSON.stringify(rows)).not.toContain(made.secret.slice(12));
    expect(await keys.find(made.secret)).toEqual(made.key);
    expect((await keys.list('acme')).map(({ tenant }) => tenant)).toEqual(['acme']);
    expect((await keys.list(null)).length).toBe(2);
    expect((await keys.revoke('acme', 'ci'))?.id).toBe(made.key.id);
    expect(await keys.revoke('acme', 'ci')).toBe(null);
    expect(await keys.find(made.secret)).toBe(null);
    expect(await keys.valid([made.key.id])).toEqual([]);
    expect(await keys.create({ tenant: 'acme', name: 'ci', admin: false, limits: {} })).not.toBe(null);
    await store.close();
  });
});

describe('a server with keys', () => {
  let server: RunningServer;
  let secret: string;
  /** Of a key that may have one socket. */
  let single: string;
  /** Of one that may ask once in a minute. */
  let rare: string;

  beforeAll(async () => {
    [secret, single, rare] = await keysOf(async (keys) => {
      const make = async (name: string, limits: object) =>
        (await keys.create({ tenant: 'acme', name, admin: false, limits }))!.secret;
      return [
        await make('ci', {}),
        await make('single', { sockets: 1 }),
        await make('rare', { requestsPerMinute: 1 }),
      ] as const;
    });
    const options = { port: 0, address: '127.0.0.1', dataDirectory, playground: join(root, 'none'), modelFolders: [] };
    server = await startTestServer({ ...options, auth: 'keys' });
  });
  afterAll(async () => {
    await server?.close();
    rmSync(root, { recursive: true, force: true });
  });

  const unknown = `tsr_${'a'.repeat(43)}`;
  const json = { 'content-type': 'application/json' };
  const body = '{"query": "{ models { name } }"}';
  const routes: [string, RequestInit, number][] = [
    ['/graphql', { method: 'POST', headers: json, body }, 200],
    ['/graphql?query={models{name}}', { headers: { accept: 'application/json' } }, 200],
    ['/v1/uploads', { method: 'POST', headers: { 'content-type': 'image/png' }, body: 'x' }, 400],
  ];

  it.each(routes)('answers to a valid key alone: %s', async (path, init, status) => {
    const ask = (authorization?: string) =>
      fetch(server.url + path, { ...init, headers: { ...init.headers, ...(authorization && { authorization }) } });
    expect((await ask(`Bearer ${secret}`)).status).toBe(status);
    expect((await ask(`bearer  ${secret}`)).status).toBe(status);
    for (const [authorization, code] of [
      [undefined, 'key-missing'],
      [`Bearer ${unknown}`, 'key-invalid'],
      [`Bearer ${secret}x`, 'key-invalid'],
      [`Basic ${btoa(`:${secret}`)}`, 'key-invalid'],
    ]) {
      const answer = await ask(authorization);
      const { errors } = (await answer.json()) as { errors: { message: string; extensions: { code: string } }[] };
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
      expect(errors[0]!.extensions.code).toBe(code);
      expect(errors[0]!.message).toMatch(/^\[api\] got .+; expected .+\. .+\.$/);
    }
  });

  it('tells the client of OpenAI in its own words, and when it may come again', async () => {
    const list = (apiKey: string) =>
      new OpenAI({ apiKey, baseURL: `${server.url}/v1`, maxRetries: 0 }).models.list().then(
        ({ data }) => data,
        (error: unknown) => error,
      );
    const refused = { status: 401, code: 'invalid_api_key', type: 'invalid_request_error' };
    expect(await list(unknown)).toMatchObject({ name: 'Error', ...refused });
    expect(await list(unknown)).toBeInstanceOf(AuthenticationError);
    expect(await list(rare)).toEqual([]);
    const often = (await list(rare)) as InstanceType<typeof RateLimitError>;
    expect(often).toBeInstanceOf(RateLimitError);
    expect(often).toMatchObject({ status: 429, code: 'rate_limit_exceeded', type: 'rate_limit_error' });
    expect(Number(often.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('holds as many sockets of a key as its limit says', async () => {
    const limited = await askWhileOpen();
    expect(limited).toEqual(['connection_ack', 1013, 429, 'connection_ack']);
  });

  it('answers health and the page to everyone', async () => {
    for (const path of ['/healthz', '/']) expect((await fetch(server.url + path)).status).toBe(200);
  });

  it('serves a picture by its signed URL, as an <img> asks for it', async () => {
    const png = await sharp({ create: { width: 4, height: 4, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    const headers = { 'content-type': 'image/png', authorization: `Bearer ${secret}` };
    const sent = await fetch(`${server.url}/v1/uploads`, { method: 'POST', headers, body: new Uint8Array(png) });
    const { url } = (await sent.json()) as { url: string };
    const shown = await fetch(server.url + url);
    expect([shown.status, shown.headers.get('content-type')]).toEqual([200, 'image/png']);
    expect(shown.headers.get('cache-control')).toMatch(/^private, max-age=\d+, immutable$/);
    const etag = shown.headers.get('etag')!;
    expect(
      (await fetch(server.url + url, { headers: { 'if-none-match': etag, 'cache-control': 'max-age=0' } })).status,
    ).toBe(304);
    const plain = server.url + url.split('?')[0]!;
    for (const asked of [
      fetch(plain),
      fetch(plain, { headers: { 'if-none-match': etag } }),
      fetch(plain, { method: 'HEAD' }),
      fetch(plain, { headers: { range: 'bytes=0-1' } }),
    ]) {
      const answer = await asked;
      expect(answer.status).toBe(401);
      expect(answer.headers.get('etag')).not.toBe(etag);
    }
    expect((await fetch(`${server.url}${url}x`)).status).toBe(403);
  });

  const wsUrl = () => `${server.url.replace('http', 'ws')}/graphql`;

  /** What a socket's query gets: its answer, or the code of the close. */
  function askSocket(connectionParams: Record<string, unknown>): Promise<unknown> {
    const client = createClient({ url: wsUrl(), webSocketImpl: WebSocket, retryAttempts: 0, connectionParams });
    return new Promise<unknown>((resolve) => {
      client.subscribe(
        { query: '{ models { name } }' },
        { next: resolve, error: (error) => resolve((error as { code?: number }).code), complete: () => undefined },
      );
    }).finally(() => void client.dispose());
  }

  it('takes the key of a socket in its first message or in its handshake', async () => {
    expect(await askSocket({ authorization: `Bearer ${secret}` })).toEqual({ data: { models: [] } });
    expect(await askSocket({ Authorization: `Bearer ${secret}` })).toEqual({ data: { models: [] } });
    for (const params of [
      {},
      { authorization: `Bearer ${unknown}` },
      { authorization: 7 },
      { authorization: secret },
    ]) {
      expect(await askSocket(params)).toBe(4401);
    }
    expect(await handshake(`Bearer ${secret}`)).toBe('connection_ack');
    expect(await handshake(`Bearer ${unknown}`)).toBe('Unexpected server response: 401');
    expect(await handshake(undefined)).toBe(4401);
  });

  /** A first socket, a second and a stream beside it, and one after it. */
  async function askWhileOpen(): Promise<unknown[]> {
    const open = () =>
      new WebSocket(wsUrl(), 'graphql-transport-ws', { headers: { authorization: `Bearer ${single}` } });
    const said = (socket: WebSocket) =>
      new Promise<unknown>((resolve) => {
        socket.once('open', () => socket.send('{"type":"connection_init"}'));
        socket.once('message', (data) => resolve((JSON.parse(String(data)) as { type: string }).type));
        socket.once('close', (code) => resolve(code));
      });
    const first = open();
    const answers = [await said(first), await said(open())];
    const headers = { ...json, accept: 'text/event-stream', authorization: `Bearer ${single}` };
    answers.push((await fetch(`${server.url}/graphql/stream`, { method: 'POST', headers, body })).status);
    first.close();
    await new Promise((resolve) => first.once('close', resolve));
    const last = open();
    answers.push(await said(last));
    last.terminate();
    return answers;
  }

  function handshake(authorization: string | undefined): Promise<unknown> {
    const socket = new WebSocket(wsUrl(), 'graphql-transport-ws', { headers: authorization ? { authorization } : {} });
    return new Promise<unknown>((resolve) => {
      socket.once('open', () => socket.send('{"type":"connection_init"}'));
      socket.once('message', (data) => resolve((JSON.parse(String(data)) as { type: string }).type));
      socket.once('close', (code) => resolve(code));
      socket.once('error', ({ message }) => resolve(message));
    }).finally(() => socket.terminate());
  }
});

it('is not started on a network before somebody has decided who may ask', async () => {
  const options = { port: 0, dataDirectory: join(root, 'never'), modelFolders: [], auth: null };
  for (const address of ['0.0.0.0', '::', '192.0.2.7']) {
    await expect(startServer({ ...options, address })).rejects.toThrow(
      `[api] got HOST=${address}, where other machines can reach this server, without TESSERA_AUTH; expected a decision who may use it. Set TESSERA_AUTH=keys`,
    );
  }
});
