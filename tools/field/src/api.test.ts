import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import WebSocket from 'ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../../..');
const page = 'http://localhost:5173';
let folder: string;
let server: ChildProcess;
let url: string;
let said = '';

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-field-'));
  server = spawn(process.execPath, [join(root, 'apps/cli/bin/tessera.mjs'), 'serve'], {
    cwd: root,
    env: { ...process.env, PORT: '0', TESSERA_DATA: folder, TESSERA_ORIGINS: page },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  server.stderr!.on('data', (chunk: Buffer) => (said += chunk.toString()));
  url = await new Promise<string>((ready, failed) => {
    let output = '';
    server.once('exit', () => failed(new Error(`The server ended. ${output}${said}`)));
    server.stdout!.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const found = /Tessera is ready: (\S+)/.exec(output)?.[1];
      if (found) ready(found);
    });
  });
});
afterAll(async () => {
  const ended = once(server, 'exit');
  server.kill('SIGTERM');
  await ended;
  rmSync(folder, { recursive: true });
});

describe('clients', () => {
  it('find the words of the protocol of persisted queries', async () => {
    const persistedQuery = {
      version: 1,
      sha256Hash: 'ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38',
    };
    const answer = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ extensions: { persistedQuery } }),
    });
    const { errors } = (await answer.json()) as { errors: { message: string }[] };
    expect(errors.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^PersistedQueryNot(Supported|Found)$/),
    ]);
  });

  it('may ask from a page that the operator allows', async () => {
    const headers = {
      Origin: page,
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'content-type',
    };
    const answer = await fetch(`${url}/graphql`, { method: 'OPTIONS', headers });
    expect(answer.ok).toBe(true);
    expect(answer.headers.get('access-control-allow-origin')).toBe(page);
    const foreign = await fetch(`${url}/graphql`, {
      method: 'OPTIONS',
      headers: { ...headers, Origin: 'http://evil.example' },
    });
    expect(foreign.status).toBe(403);
    expect(foreign.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('hear of a wrong variable over WebSocket what they hear over HTTP', async () => {
    const query = 'subscription ($id: ID!, $after: Int) { generationEvents(id: $id, after: $after) { seq } }';
    const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
    await once(socket, 'open');
    const errors = new Promise<{ extensions: { code: string } }[]>((heard) =>
      socket.on('message', (text) => {
        const { type, payload } = JSON.parse(String(text));
        if (type === 'error') heard(payload);
        if (type === 'next') heard(payload.errors);
      }),
    );
    socket.send(JSON.stringify({ type: 'connection_init' }));
    const payload = { query, variables: { id: 'x', after: '3' } };
    socket.on('message', (text) => {
      if (JSON.parse(String(text)).type === 'connection_ack')
        socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload }));
    });
    expect((await errors).map(({ extensions }) => extensions.code)).toEqual(['BAD_USER_INPUT']);
    socket.close();
    expect(said).toBe('');
  });
});
