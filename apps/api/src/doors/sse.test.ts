import { once } from 'node:events';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { expect, it } from 'vitest';
import { openSse } from './sse.ts';

it('waits for a slow reader many times, and leaves no listeners behind', async () => {
  const app = express();
  const counts = new Promise<readonly number[]>((resolve) => {
    app.get('/', async (_request, response) => {
      const listeners = () => response.listenerCount('close') + response.listenerCount('drain');
      const stream = openSse(response);
      await stream.send('step', { text: '' });
      const before = listeners();
      // More than the buffer of a response holds: each is waited for.
      for (let i = 0; i < 20; i += 1) await stream.send('step', { text: 'x'.repeat(200_000) });
      resolve([before, listeners()]);
      stream.end();
    });
  });
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' }, (response) => response.resume());
  const [before, after] = await counts;
  expect(after).toBe(before);
  server.closeAllConnections();
  server.close();
});
