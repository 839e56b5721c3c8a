import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import express from 'express';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { leadToGraphiql, servePlayground } from './serve-playground.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-page-'));
const script = 'console.log(1);'.repeat(100);
let server: Server;
let url: string;

beforeAll(async () => {
  mkdirSync(join(folder, 'assets'));
  writeFileSync(join(folder, 'index.html'), '<p>the page</p>');
  writeFileSync(join(folder, 'assets/index-abc.js'), script);
  writeFileSync(join(folder, 'assets/index-abc.js.br'), brotliCompressSync(script));
  mkdirSync(join(folder, 'graphiql'));
  writeFileSync(join(folder, 'graphiql/index.html'), '<p>GraphiQL</p>');
  const app = express();
  app.use('/graphql', leadToGraphiql(folder));
  servePlayground(app, folder);
  app.use((_request, response) => void response.status(404).send('unknown'));
  server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server?.close();
  rmSync(folder, { recursive: true, force: true });
});

it('sends what its build compressed, for ever where the name has a hash', async () => {
  const taken = await fetch(`${url}/assets/index-abc.js`, { headers: { 'accept-encoding': 'gzip, br' } });
  expect([taken.headers.get('content-encoding'), await taken.text()]).toEqual(['br', script]);
  expect(taken.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  expect(taken.headers.get('content-type')).toMatch(/javascript/);
  const plain = await fetch(`${url}/assets/index-abc.js`, { headers: { 'accept-encoding': 'identity' } });
  expect([plain.headers.get('content-encoding'), await plain.text()]).toEqual([null, script]);
});

it('answers the address of every room with the page, which is asked for each time, and no other', async () => {
  for (const path of ['/', '/index.html', '/server', '/g/some-id?image=1', '/edit', '/edit/some-id', '/gallery']) {
    const response = await fetch(url + path);
    expect([path, response.status, await response.text()]).toEqual([path, 200, '<p>the page</p>']);
    expect(response.headers.get('cache-control')).toBe('no-cache');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'self'");
    const headers = { 'if-none-match': response.headers.get('etag')!, 'cache-control': 'max-age=0' };
    const again = await fetch(url + path, { headers });
    expect(again.status).toBe(304);
  }
  for (const path of ['/g', '/servers', '/assets/gone.js', '/%2e%2e/secret']) {
    expect((await fetch(url + path)).status).toBe(404);
  }
});

it('tells a person who mistyped an address by the page, and programs by what answers them', async () => {
  const asBrowser = { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } };
  const page = await fetch(`${url}/galery`, asBrowser);
  expect([page.status, await page.text()]).toEqual([404, '<p>the page</p>']);
  for (const path of ['/assets/gone.js', '/v1/nothing']) {
    expect(await (await fetch(url + path, asBrowser)).text()).toBe('unknown');
  }
  expect(await (await fetch(`${url}/galery`)).text()).toBe('unknown');
});

it('leads a person who opens the address of GraphQL to GraphiQL, and no program', async () => {
  const asBrowser = { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } };
  const led = await fetch(`${url}/graphql`, asBrowser);
  expect([led.url, await led.text()]).toEqual([`${url}/graphiql/`, '<p>GraphiQL</p>']);
  for (const init of [{}, { headers: { accept: 'application/json' } }])
    expect((await fetch(`${url}/graphql`, init)).status).toBe(404);
  expect((await fetch(`${url}/graphql?query={models{name}}`, asBrowser)).status).toBe(404);
});
