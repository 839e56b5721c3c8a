import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import type { RunningServer } from '../index.ts';
import { startTestServer } from '../testing/open.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-origins-'));
const listed = 'http://localhost:5173';
const options = { port: 0, address: '127.0.0.1', playground: join(root, 'none'), modelFolders: [] };
let server: RunningServer;

beforeAll(async () => {
  const origins = [listed, 'https://app.example'];
  server = await startTestServer({ ...options, dataDirectory: join(root, 'data'), origins });
});

afterAll(async () => {
  await server?.close();
  rmSync(root, { recursive: true, force: true });
});

const preflight = (path: string, origin: string, method: string) => {
  const asked = { 'access-control-request-method': method, 'access-control-request-headers': 'content-type' };
  return fetch(server.url + path, { method: 'OPTIONS', headers: { origin, ...asked } });
};

describe('a page of a listed origin', () => {
  it.each([
    ['/graphql', 'POST'],
    ['/graphql', 'GET'],
    ['/v1/uploads', 'POST'],
    ['/v1/generations/00000000-0000-4000-8000-000000000000', 'DELETE'],
    [`/images/${'0'.repeat(64)}.png`, 'GET'],
    ['/healthz', 'GET'],
  ])('may send what a preflight asks for: %s by %s', async (path, method) => {
    for (const origin of [listed, 'https://app.example']) {
      const { status, headers } = await preflight(path, origin, method);
      expect(status).toBe(204);
      expect(headers.get('access-control-allow-origin')).toBe(origin);
      expect(headers.get('access-control-allow-methods')).toContain(method);
      expect(headers.get('access-control-allow-headers')).toBe('content-type');
      expect(headers.get('access-control-max-age')).toBe('600');
      expect(headers.has('access-control-allow-credentials')).toBe(false);
    }
  });

  it('reads answers, and refusals too', async () => {
    const json = { 'content-type': 'application/json' };
    const body = '{"query": "{ models { name } }"}';
    for (const answer of await Promise.all([
      fetch(`${server.url}/graphql`, { method: 'POST', headers: { origin: listed, ...json }, body }),
      fetch(`${server.url}/graphql?query={models{name}}`, { headers: { origin: listed } }),
      fetch(`${server.url}/v1/uploads`, { method: 'POST', headers: { origin: listed, ...json }, body }),
      fetch(`${server.url}/images/none.png`, { headers: { origin: listed } }),
    ])) {
      expect(answer.headers.get('access-control-allow-origin')).toBe(listed);
      expect(answer.headers.get('vary')).toContain('Origin');
      expect(answer.headers.get('access-control-expose-headers')).toBe('ETag,Location,Retry-After,X-Request-Id');
    }
    expect((await fetch(`${server.url}/healthz`)).headers.get('vary')).toBe('Origin');
  });
});

describe('a page of another origin', () => {
  it('is told which setting would let it in, which then does', async () => {
    for (const origin of ['http://localhost:5174', 'http://localhost:51733', 'https://localhost:5173']) {
      const refused = await preflight('/graphql', origin, 'POST');
      expect(refused.status).toBe(403);
      expect(refused.headers.has('access-control-allow-origin')).toBe(false);
      const { errors } = (await refused.json()) as { errors: { message: string }[] };
      expect(errors[0]!.message).toContain(`start the server with TESSERA_ORIGINS=${origin}.`);
    }
    const sandboxed = await preflight('/graphql', 'null', 'POST');
    expect(await sandboxed.text()).toContain('Send it from a page that a server serves');
  });

  it('opens no socket, a listed one does', async () => {
    const opened = (origin: string) =>
      new Promise<string>((resolve) => {
        const address = `${server.url.replace('http', 'ws')}/graphql`;
        const socket = new WebSocket(address, 'graphql-transport-ws', { origin });
        socket.on('error', ({ message }) => resolve(message));
        socket.on('open', () => {
          socket.close();
          resolve('open');
        });
      });
    expect(await opened(listed)).toBe('open');
    expect(await opened('http://localhost:5174')).toContain('403');
  });
});

it('refuses a wrong method of a known path, and tells the right ones', async () => {
  for (const [method, path, allow] of [
    ['PATCH', '/v1/generations', 'POST'],
    ['PUT', '/v1/generations/none', 'GET, HEAD, DELETE'],
    ['POST', '/healthz', 'GET, HEAD'],
  ] as const) {
    const { status, headers } = await fetch(server.url + path, { method });
    expect([status, headers.get('allow')]).toEqual([405, allow]);
  }
  expect((await fetch(`${server.url}/v1/generations/a/b`)).status).toBe(404);
});
