import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createServer, type ViteDevServer } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/* The server of `npx vite`, asked for models without a browser. */

const cacheDir = mkdtempSync(join(tmpdir(), 'tessera-dev-server-'));
let vite: ViteDevServer;

beforeAll(async () => {
  const root = resolve(import.meta.dirname, '..');
  const server = { host: '127.0.0.1', port: 0, watch: null };
  vite = await createServer({ root, cacheDir, logLevel: 'silent', optimizeDeps: { noDiscovery: true }, server });
  await vite.listen();
});

afterAll(async () => {
  await vite.close();
  rmSync(cacheDir, { recursive: true, force: true });
});

/** Sends the path as it is: `fetch` would resolve `..` first. */
function ask(path: string): Promise<{ readonly status: number; readonly text: string }> {
  const { port } = vite.httpServer!.address() as AddressInfo;
  return new Promise((resolves, rejects) => {
    get({ host: '127.0.0.1', port, path, headers: { accept: 'text/html' } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => resolves({ status: response.statusCode!, text })).on('error', rejects);
    }).on('error', rejects);
  });
}

describe('the server for development', () => {
  it('serves a model and the page', async () => {
    const manifest = resolve(import.meta.dirname, '../../../models/digits-var/model.json');
    expect(await ask('/models/digits-var/model.json')).toEqual({ status: 200, text: readFileSync(manifest, 'utf8') });
    expect((await ask('/')).text).toContain('A digit, drawn by this browser');
  });

  it.each([
    ['a folder', '/models/digits-var/'],
    ['the folder of all models', '/models/'],
    ['a model that does not exist', '/models/other/model.json'],
    ['a path below a file', '/models/digits-var/model.json/x'],
    ['a path out of the folder', '/models/../package.json'],
    ['a path out of the folder, encoded', '/models/%2e%2e/package.json'],
    ['a path out of the folder, with an encoded slash', '/models/..%2fpackage.json'],
    ['an address without a host', '/models//[/model.json'],
  ])('answers 404 for %s', async (_, path) => {
    expect(await ask(path)).toEqual({ status: 404, text: '' });
    expect((await ask('/models/digits-var/model.json')).status).toBe(200);
  });
});
