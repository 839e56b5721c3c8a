import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import WebSocket from 'ws';
import { writeRandomModel } from '@tessera/host/testing';
import type { RunningServer } from './index.ts';
import { testClient, type TestClient } from './testing/test-client.ts';
import { startTestServer } from './testing/open.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-dropped-'));
let server: RunningServer;
let client: TestClient;
let id: string;

beforeAll(async () => {
  await writeRandomModel(join(root, 'quick'), { name: 'quick', width: 32, depth: 1, channels: 1 });
  const options = { port: 0, address: '127.0.0.1', dataDirectory: join(root, 'data'), playground: join(root, 'none') };
  server = await startTestServer({ ...options, modelFolders: [join(root, 'quick')] });
  client = testClient(server.url);
  ({ id } = await client.create({ model: 'quick', images: { count: 64 } }));
  await client.events(id);
});

afterAll(async () => {
  await server?.close();
  rmSync(root, { recursive: true, force: true });
});

const wide = Array.from({ length: 20 }, (_, i) => `a${i}: previews { url }`).join(' ');
const subscription = (id: string) =>
  `subscription { generationEvents(id: "${id}") { seq ... on StepEvent { ${wide} } } }`;
const query = `{ ${Array.from({ length: 5 }, (_, i) => `a${i}: generations(first: 100) { nodes { images { seed picture { url } } } }`).join(' ')} }`;

describe('a client that goes without a word', () => {
  it.each([
    ['while it is told of events', subscription],
    ['while it is answered', () => query],
  ])('costs no line of the output: %s', async (_what, document) => {
    const output = vi.spyOn(console, 'error');
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
    const send = (message: object) => socket.send(JSON.stringify(message));
    socket.on('error', () => undefined).on('open', () => send({ type: 'connection_init' }));
    await new Promise((resolve) => socket.once('message', resolve));
    // Nothing is read from here on, so what the server writes has to wait.
    socket.pause();
    for (let i = 0; i < 60; i++) send({ id: String(i), type: 'subscribe', payload: { query: document(id) } });
    await pause(500);
    socket.terminate();
    await pause(500);
    expect(output).not.toHaveBeenCalled();
    output.mockRestore();
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  });

  it.each([
    ['in the middle of a body', 'POST /graphql', 'content-length: 1000\r\ncontent-type: application/json'],
    ['in the middle of an upload', 'POST /v1/uploads', 'content-length: 1000\r\ncontent-type: image/png'],
  ])('costs no line of the output: %s', async (_what, request, headers) => {
    const output = vi.spyOn(console, 'error');
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    socket.write(`${request} HTTP/1.1\r\nhost: localhost\r\n${headers}\r\n\r\nhalf`);
    await pause(200);
    socket.resetAndDestroy();
    await pause(200);
    expect(output).not.toHaveBeenCalled();
    output.mockRestore();
  });
});
