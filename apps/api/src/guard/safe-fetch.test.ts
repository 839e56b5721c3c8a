import type { LookupAddress } from 'node:dns';
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isPublic, requirePublicUrl, safeFetch, type SafeFetchParts, type SafeRequest } from './safe-fetch.ts';
import { hookCertificate } from './testing/hook-certificate.ts';

const hook: SafeRequest = { method: 'POST', headers: {}, body: '{}', timeoutMs: 3000, maxBytes: 1000 };
const v4 = (...addresses: string[]): LookupAddress[] => addresses.map((address) => ({ address, family: 4 }));

describe('addresses', () => {
  const local = ['127.0.0.1', '127.8.8.8', '0.0.0.0', '10.1.2.3', '172.16.0.1', '172.31.255.255', '192.168.1.1'];
  const special = ['169.254.169.254', '100.64.0.1', '100.100.100.200', '192.0.0.192', '198.18.0.1', '168.63.129.16'];
  const many = ['224.0.0.1', '255.255.255.255', '240.0.0.1', '192.0.2.1', '203.0.113.5'];
  const six = ['::1', '::', 'fe80::1', 'fe80::1%eth0', 'fc00::1', 'fd00:ec2::254', 'ff02::1', '2001:db8::1'];
  const inside = ['::ffff:127.0.0.1', '::ffff:a9fe:a9fe', '64:ff9b::7f00:1', '2002:7f00:1::', '2001::1', '::127.0.0.1'];

  it.each([...local, ...special, ...many, ...six, ...inside, '', 'localhost', '0x7f.1'])(
    'of something else than the internet are not public: %s',
    (address) => expect(isPublic(address)).toBe(false),
  );

  it.each(['1.1.1.1', '93.184.216.34', '172.32.0.1', '2606:4700:4700::1111', '::ffff:1.1.1.1'])(
    'of the internet are public: %s',
    (address) => expect(isPublic(address)).toBe(true),
  );
});

describe('URLs', () => {
  it.each([
    'http://hook.example',
    'ftp://hook.example',
    'file:///etc/passwd',
    'hook.example',
    '//hook.example',
    '',
    'https://user@hook.example',
    'https://user:password@hook.example',
    'https://127.0.0.1/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://0177.0.0.1/',
    'https://127.1/',
    'https://[::1]/',
    'https://[::ffff:169.254.169.254]/',
    'https://１２７.0.0.1/',
  ])('are refused in one sentence without asking anyone: %s', async (url) => {
    expect(() => requirePublicUrl(url)).toThrow(/^\[api\] got .+; expected an https URL of a public address\. .+\.$/);
    const resolve = () => Promise.reject(new Error('asked'));
    await expect(safeFetch({ resolve, permits: isPublic })(url, hook)).rejects.toMatchObject({ code: 'url-refused' });
  });

  it('of other names are taken', () => {
    expect(requirePublicUrl('https://hook.example:8443/a?b=c').host).toBe('hook.example:8443');
    expect(requirePublicUrl('https://93.184.216.34/').hostname).toBe('93.184.216.34');
  });
});

describe('a request', () => {
  let server: Server;
  let port: number;
  /** What came, as `address path`. */
  const seen: string[] = [];

  beforeAll(async () => {
    server = createServer(hookCertificate, (request, response) => {
      seen.push(`${request.socket.localAddress} ${request.url}`);
      if (request.url === '/silent') return;
      if (request.url === '/moved') return void response.writeHead(302, { location: '/elsewhere' }).end();
      if (request.url === '/long') return void response.end('x'.repeat(2000));
      if (request.url === '/endless') return endless(response);
      response.end(`${request.method} ${request.headers.host}`);
    });
    server.listen(0, '0.0.0.0');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => void seen.splice(0));

  const { cert: ca } = hookCertificate;
  /** A stand-in for the internet: 127.0.0.1 is public, 127.0.0.2 is not. */
  const permits = (address: string) => address === '127.0.0.1';
  const fetchBy = (resolve: SafeFetchParts['resolve']) => safeFetch({ resolve, permits, ca });
  const ask = (path: string, resolve: SafeFetchParts['resolve'], more: Partial<SafeRequest> = {}) =>
    fetchBy(resolve)(`https://hook.example:${port}${path}`, { ...hook, ...more });
  const toPublic = () => Promise.resolve(v4('127.0.0.1'));

  it('goes to the address that was looked at, under its own name', async () => {
    const { status, body } = await ask('/', toPublic);
    expect([status, String(body)]).toEqual([200, `POST hook.example:${port}`]);
    expect(seen).toEqual(['127.0.0.1 /']);
  });

  it('is not moved by a name that changes after it was looked at', async () => {
    const answers = [v4('127.0.0.1'), v4('127.0.0.2'), v4('127.0.0.2')];
    let asked = 0;
    const rebinding = () => Promise.resolve(answers[asked++]!);
    await ask('/', rebinding);
    expect([asked, seen]).toEqual([1, ['127.0.0.1 /']]);
    await expect(ask('/', rebinding)).rejects.toMatchObject({ code: 'url-refused' });
    expect(seen).toEqual(['127.0.0.1 /']);
  });

  it('is refused where any address of the name is not public, in whatever place', async () => {
    for (const addresses of [v4('127.0.0.2'), v4('127.0.0.1', '127.0.0.2'), v4('127.0.0.2', '127.0.0.1')]) {
      await expect(ask('/', () => Promise.resolve(addresses))).rejects.toMatchObject({
        code: 'url-refused',
        message: expect.stringContaining('127.0.0.2, which is not public') as string,
      });
    }
    expect(seen).toEqual([]);
  });

  it('follows no redirection', async () => {
    expect((await ask('/moved', toPublic)).status).toBe(302);
    expect(seen).toEqual(['127.0.0.1 /moved']);
  });

  it('trusts only certificates of the name', async () => {
    const other = fetchBy(toPublic)(`https://other.example:${port}/`, hook);
    await expect(other).rejects.toMatchObject({ code: 'url-unreachable' });
    const strict = safeFetch({ resolve: toPublic, permits })(`https://hook.example:${port}/`, hook);
    await expect(strict).rejects.toMatchObject({ code: 'url-unreachable' });
    expect(seen).toEqual([]);
  });

  it.each(['/long', '/endless'])('reads no more than it was told to: %s', async (path) => {
    await expect(ask(path, toPublic)).rejects.toThrow('an answer of more than 1000 bytes');
  });

  it('waits no longer than it was told to, whichever side is silent, and says no path', async () => {
    const began = Date.now();
    const mute = () => new Promise<never>(() => undefined);
    const drip = ask('/drip?token=secret', mute, { timeoutMs: 200 });
    await expect(drip).rejects.toThrow('no answer within 200 ms');
    await expect(drip).rejects.not.toThrow('secret');
    await expect(ask('/silent', toPublic, { timeoutMs: 200 })).rejects.toThrow('no answer within 200 ms');
    expect(Date.now() - began).toBeLessThan(2500);
    const signal = AbortSignal.timeout(100);
    await expect(ask('/silent', toPublic, { signal })).rejects.toMatchObject({ code: 'url-unreachable' });
  });
});

function endless(response: NodeJS.WritableStream): void {
  const timer = setInterval(() => response.write('x'.repeat(300)), 20);
  response.on('close', () => clearInterval(timer));
}
