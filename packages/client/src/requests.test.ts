import { createServer, type IncomingMessage, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { createClient } from './client.ts';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

interface Answer {
  readonly status: number;
  readonly body?: string;
}

/** A server that keeps what it was asked. */
async function listen(answer: (asked: number) => Answer) {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    const { status, body } = answer(asked.push(request));
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(body);
  });
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

it('keeps the path of the address, also for pictures', async () => {
  const { url, asked } = await listen(() => ({ status: 200, body: '{"data": {"models": []}}' }));
  for (const address of [`${url}/tessera`, `${url}/tessera/`]) {
    const client = createClient({ url: address, webSocket: null });
    await client.models();
    await client.download({ url: '/images/a.png?until=1' });
  }
  const paths = ['/tessera/graphql', '/tessera/images/a.png?until=1'];
  expect(asked.map((request) => request.url)).toEqual([...paths, ...paths]);
});

it('sends the key to its server alone', async () => {
  const own = await listen(() => ({ status: 200, body: 'png' }));
  const other = await listen(() => ({ status: 200, body: 'png' }));
  const client = createClient({ url: own.url, key: 'tsr_secret', webSocket: null });
  const { host } = new URL(other.url);
  for (const url of ['/images/a.png', `${own.url}/images/a.png`, `${other.url}/a.png`, `//${host}/a.png`]) {
    await client.download({ url });
  }
  expect(own.asked.map(({ headers }) => headers.authorization)).toEqual(['Bearer tsr_secret', 'Bearer tsr_secret']);
  expect(other.asked.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
});

it('asks again where a proxy has no server, and then says so', async () => {
  const starting = await listen((count) =>
    count < 3 ? { status: 502, body: '<html>' } : { status: 200, body: '{"data": {"models": []}}' },
  );
  expect(await createClient({ url: starting.url, webSocket: null }).models()).toEqual([]);
  const gone = await listen(() => ({ status: 504, body: '<html>' }));
  const asking = createClient({ url: gone.url, webSocket: null }).models();
  await expect(asking).rejects.toMatchObject({
    code: 'unreachable',
    status: 504,
    message: expect.stringMatching(/A proxy answered in place of the server: .* try again later\.$/),
  });
  expect(gone.asked.length).toBe(4);
});

it('refuses an address that is none', () => {
  expect(() => createClient({ url: 'localhost:4000' })).toThrow('Got the url localhost:4000; expected one as http://');
});
