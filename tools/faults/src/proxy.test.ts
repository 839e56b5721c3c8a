import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startProxy, type Proxy } from './proxy.ts';

let echo: Server;
let proxy: Proxy;
let socket: Socket;

beforeEach(async () => {
  echo = createServer((peer) => void peer.on('error', () => undefined).pipe(peer));
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  proxy = await startProxy((echo.address() as AddressInfo).port);
  socket = connect(proxy.port, '127.0.0.1');
  await once(socket, 'connect');
});
afterEach(async () => {
  socket.destroy();
  await proxy.close();
  echo.close();
});

const answer = async (data: string) => {
  socket.write(data);
  return String((await once(socket, 'data'))[0]);
};

describe('a proxy', () => {
  it('passes on what both sides say, to the end', async () => {
    expect(await answer('hello')).toBe('hello');
    socket.end('bye');
    expect(await text(socket)).toBe('bye');
  });

  it('cuts connections', async () => {
    await answer('hello');
    const failed = once(socket, 'error');
    proxy.cut();
    expect(await failed).toMatchObject([{ code: 'ECONNRESET' }]);
    expect(proxy.connections).toBe(0);
  });

  it('cuts in the middle of what is sent', async () => {
    await answer('hello');
    proxy.cutHalfWay();
    const got: string[] = [];
    socket.on('data', (data) => got.push(String(data)));
    socket.write('12345678');
    await once(socket, 'error');
    expect('1234'.startsWith(got.join(''))).toBe(true);
  });

  it('stalls, and goes on with what has come meanwhile', async () => {
    await answer('hello');
    proxy.stall(200);
    const before = Date.now();
    expect(await answer('late')).toBe('late');
    expect(Date.now() - before).toBeGreaterThanOrEqual(150);
  });
});
