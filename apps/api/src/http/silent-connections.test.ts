import { createServer } from 'node:http';
import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectionTimes, refuseUnreadable } from '../guard/refusal.ts';

/* The server's own times, a tenth as long. */
const times = Object.fromEntries(Object.entries(connectionTimes).map(([name, time]) => [name, time / 10]));
const server = createServer({ ...times, requestTimeout: 3000 }, (request, response) => {
  request.resume();
  request.on('end', () => response.end('heard'));
});

beforeAll(async () => {
  refuseUnreadable(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

it('closes a connection that says nothing at all without a word, which a request just sent would take for its answer', async () => {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => undefined);
  const began = Date.now();
  expect(await text(socket)).toBe('');
  expect(Date.now() - began).toBeLessThan(6000);
});

it.each([
  ['drips its headers', 'GET / HTTP/1.1\r\nHost: localhost\r\n', 100],
  ['drips its body', 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n', 100],
])('ends a connection that %s, in a sentence', async (_name, head, every) => {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(head);
  const drip = every > 0 ? setInterval(() => socket.writable && socket.write('x'), every) : undefined;
  const began = Date.now();
  const answer = await text(socket);
  clearInterval(drip);
  expect(answer).toMatch(/^HTTP\/1.1 408 .*"request-too-slow"/s);
  expect(Date.now() - began).toBeLessThan(6000);
});
