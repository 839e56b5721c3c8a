import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningServer } from '../index.ts';
import { createGate, type GateOptions } from './gate.ts';
import { startTestServer } from '../testing/open.ts';

const local: GateOptions = { address: '127.0.0.1', name: 'localhost', hosts: [] };
const everywhere: GateOptions = { address: '::', name: 'localhost', hosts: [] };

describe('the gate', () => {
  const codeOf = (options: GateOptions, host: string | undefined, origin?: string) =>
    createGate(options).refusalOf({ ...(host && { host }), ...(origin && { origin }) })?.error.code;

  it.each(['localhost', 'localhost.', 'localhost.:4000', 'LocalHost:4000', '127.0.0.1:1', '[::1]', '[::1]:65535'])(
    'of loopback answers to %s',
    (host) => expect(codeOf(local, host)).toBe(undefined),
  );

  it.each(['evil.example', 'localhost.evil.example', 'evil.example:4000', '127.0.0.1.nip.io', 'localhost@evil', ''])(
    'of loopback refuses the host "%s", wherever loopback is',
    (host) => {
      for (const address of ['127.0.0.1', '127.0.1.1', '::1', '::ffff:127.0.0.1']) {
        expect(codeOf({ ...local, address }, host)).toBe('foreign-host');
      }
    },
  );

  it('answers on a network to every host, until some are named', () => {
    expect(createGate(everywhere).hosts).toBe(null);
    expect(codeOf(everywhere, 'anything.example')).toBe(undefined);
    const named = { address: '192.0.2.7', name: '192.0.2.7', hosts: ['tessera.example'] };
    expect(createGate(named).hosts).toEqual(['localhost', '127.0.0.1', '[::1]', '192.0.2.7', 'tessera.example']);
    expect(codeOf(named, 'Tessera.Example:8080')).toBe(undefined);
    expect(codeOf(named, '192.0.2.7:4000')).toBe(undefined);
    expect(codeOf(named, 'anything.example')).toBe('foreign-host');
  });

  it.each([
    ['localhost:4000', undefined, undefined],
    ['localhost:4000', 'http://localhost:4000', undefined],
    ['LOCALHOST:4000', 'http://localhost:4000', undefined],
    ['localhost:4000', 'http://localhost:3000', 'foreign-page'],
    ['localhost:4000', 'http://127.0.0.1:4000', 'foreign-page'],
    ['localhost:4000', 'https://evil.example', 'foreign-page'],
    ['localhost:4000', 'null', 'foreign-page'],
    ['localhost.:4000', 'http://localhost.:4000', undefined],
    // A proxy that ends TLS, and asks by the name of loopback.
    ['localhost:4000', 'https://tessera.example', undefined],
    ['tessera.example', 'https://tessera.example:8443', undefined],
  ])('of the host %s takes a page of %s as: %s', (host, origin, code) => {
    expect(codeOf({ ...local, hosts: ['tessera.example'] }, host, origin)).toBe(code);
  });
});

describe('a server on loopback', () => {
  const root = mkdtempSync(join(tmpdir(), 'tessera-gate-'));
  const options = { port: 0, address: '127.0.0.1', dataDirectory: join(root, 'data'), playground: join(root, 'none') };
  let server: RunningServer;

  beforeAll(async () => {
    server = await startTestServer({ ...options, modelFolders: [], hosts: ['tessera.example'] });
  });
  afterAll(async () => {
    await server?.close();
    rmSync(root, { recursive: true, force: true });
  });

  const json = { 'content-type': 'application/json' };
  const query = JSON.stringify({ query: '{ models { name } }' });
  const upgrade = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-version': '13',
    'sec-websocket-protocol': 'graphql-transport-ws',
  };
  interface Asked {
    readonly method?: string;
    readonly headers?: Record<string, string>;
    readonly body?: string;
  }

  /** Status and body; fetch would not let a Host header be chosen. */
  function ask(path: string, { method = 'GET', headers = {}, body = '' }: Asked): Promise<[number, string]> {
    return new Promise((resolve, reject) => {
      const sent = httpRequest(server.url + path, { method, headers, agent: false });
      sent.on('response', (answer) => void text(answer).then((all) => resolve([answer.statusCode!, all]), reject));
      sent.on('upgrade', (_answer, socket) => {
        socket.destroy();
        resolve([101, '']);
      });
      sent.on('error', reject).end(body);
    });
  }

  const routes: [string, string, Asked, number][] = [
    ['GraphQL', '/graphql', { method: 'POST', headers: json, body: query }, 200],
    ['uploads', '/v1/uploads', { method: 'POST', headers: { 'content-type': 'image/png' }, body: 'x' }, 400],
    ['images', `/images/${'0'.repeat(64)}.png`, {}, 404],
    ['health', '/healthz', {}, 200],
    ['the page', '/', {}, 200],
    ['the socket', '/graphql', { headers: upgrade }, 101],
  ];

  it.each(routes)('refuses foreign hosts and pages, and no others: %s', async (_name, path, asked, status) => {
    const withHeaders = (headers: Record<string, string>) =>
      ask(path, { ...asked, headers: { ...asked.headers, ...headers } });
    const host = new URL(server.url).host;
    expect((await withHeaders({}))[0]).toBe(status);
    expect((await withHeaders({ origin: server.url }))[0]).toBe(status);
    expect((await withHeaders({ host: 'tessera.example', origin: 'https://tessera.example' }))[0]).toBe(status);
    const refused: [number, string, Record<string, string>][] = [
      [421, 'foreign-host', { host: `evil.example:${host.split(':')[1]}` }],
      [421, 'foreign-host', { host: 'evil.example', origin: 'http://evil.example' }],
      [403, 'foreign-page', { origin: 'https://evil.example' }],
      [403, 'foreign-page', { origin: 'null' }],
    ];
    for (const [wanted, code, headers] of refused) {
      const [found, body] = await withHeaders(headers);
      expect([found, body]).toEqual([wanted, expect.stringMatching(oneSentence)]);
      expect(codeIn(body)).toBe(code);
    }
  });

  it('says in a sentence what it does not take as GraphQL', async () => {
    const get = `/graphql?query=${encodeURIComponent('{ models { name } }')}`;
    expect((await ask(get, { headers: { 'apollo-require-preflight': '1' } }))[0]).toBe(200);
    const types = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'];
    const refused: [number, string, string, Asked][] = [
      ...types.map((type): [number, string, string, Asked] => {
        return [415, 'BAD_REQUEST', '/graphql', { method: 'POST', headers: { 'content-type': type }, body: query }];
      }),
      [415, 'BAD_REQUEST', get, {}],
      [405, 'BAD_REQUEST', '/graphql', { method: 'PUT', headers: json, body: query }],
      [400, 'handshake-invalid', '/elsewhere', { headers: upgrade }],
      [400, 'handshake-invalid', '/graphql', { headers: { ...upgrade, 'sec-websocket-version': '1' } }],
      [400, 'handshake-invalid', '/healthz', { headers: { connection: 'Upgrade', upgrade: 'h2c' } }],
      [400, 'malformed-request', '/images/%zz', {}],
      [404, 'not-found', '/uploads', {}],
      [405, 'method-not-allowed', '/v1/uploads', {}],
      [431, 'headers-too-large', '/', { headers: { cookie: 'x'.repeat(40_000) } }],
    ];
    for (const [wanted, code, path, asked] of refused) {
      const [found, body] = await ask(path, asked);
      expect([found, body]).toEqual([wanted, expect.stringMatching(oneSentence)]);
      expect([codeIn(body), body]).toEqual([code, expect.not.stringMatching(/apollo|csrf/i)]);
    }
  });

  it.each([
    ['GraphQL', ''],
    ['the socket', 'connection: Upgrade\r\nupgrade: websocket\r\n'],
  ])('takes one Host header, not two: %s', async (_name, more) => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    socket.write(`GET /graphql HTTP/1.1\r\nHost: localhost\r\nhost: localhost\r\n${more}connection: close\r\n\r\n`);
    expect(await text(socket)).toMatch(/^HTTP\/1.1 400 .*several Host headers; expected one\./s);
  });

  it('answers bytes that are not HTTP, and goes on', async () => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    socket.write('garbage\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1.1 400 .*\r\n\r\n\{.*"malformed-request"/s);
    expect((await ask('/healthz', {}))[0]).toBe(200);
  });
});

const oneSentence = /"message":"\[api\] got [^\\]+; expected .+\. [A-Z].+\."/;

function codeIn(body: string): string {
  return (JSON.parse(body) as { errors: [{ extensions: { code: string } }] }).errors[0].extensions.code;
}
