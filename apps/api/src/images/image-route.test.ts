import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import express from 'express';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBlobs, type Blobs } from '@tessera/blobs';
import { s3Servers } from '@tessera/blobs/testing';
import { plainUrls } from '../guard/image-urls.ts';
import { imageRoute } from './image-route.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-route-'));
const png = Buffer.from(Uint8Array.from({ length: 100_000 }, (_, i) => (i * 2654435761) >>> 11));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const places = [
  { name: 'a folder', start: () => Promise.resolve({ place: join(root, 'files'), stop: () => undefined }) },
  ...s3Servers(root),
];

describe.each(places)('pictures served from $name', ({ start }) => {
  let store: Awaited<ReturnType<typeof start>>;
  let blobs: Blobs;
  let server: Server;
  let sha256: string;

  beforeAll(async () => {
    store = await start();
    blobs = await openBlobs(root, store.place);
    sha256 = await blobs.put(png);
    server = createServer(express().get('/images/:name', imageRoute({ blobs, origins: [], urls: plainUrls() })));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterAll(async () => {
    server?.closeAllConnections();
    server?.close();
    await blobs?.close();
    await store?.stop();
  });

  const get = (headers: Record<string, string> = {}, method = 'GET', name = `${sha256}.png`) =>
    new Promise<{ answer: IncomingMessage; body: Buffer }>((resolve, reject) => {
      const { port } = server.address() as AddressInfo;
      const sent = request({ port, host: '127.0.0.1', path: `/images/${name}`, headers, method, agent: false });
      sent.on('response', (answer) => void buffer(answer).then((body) => resolve({ answer, body }), reject));
      sent.on('error', reject).end();
    });

  it('are immutable, with the hash as their tag', async () => {
    const { answer, body } = await get();
    expect(answer.statusCode).toBe(200);
    expect(body).toEqual(png);
    expect(answer.headers).toMatchObject({
      etag: `"${sha256}"`,
      'content-type': 'image/png',
      'content-length': '100000',
      'accept-ranges': 'bytes',
      'cache-control': 'public, max-age=31536000, immutable',
    });
  });

  it.each([
    [{ range: 'bytes=0-9' }, 206, 'bytes 0-9/100000', 0, 10],
    [{ range: 'bytes=99990-' }, 206, 'bytes 99990-99999/100000', 99_990, 100_000],
    [{ range: 'bytes=-5' }, 206, 'bytes 99995-99999/100000', 99_995, 100_000],
    [{ range: 'bytes=50-1000000' }, 206, 'bytes 50-99999/100000', 50, 100_000],
    [{ range: 'bytes=0-1,5-6' }, 200, undefined, 0, 100_000],
    [{ range: 'lines=0-1' }, 200, undefined, 0, 100_000],
    [{ range: 'bytes=0-9', 'if-range': '"other"' }, 200, undefined, 0, 100_000],
  ])('are served in part: %j', async (headers, status, range, from, to) => {
    const { answer, body } = await get(headers as Record<string, string>);
    expect([answer.statusCode, answer.headers['content-range']]).toEqual([status, range]);
    expect(body).toEqual(png.subarray(from, to));
  });

  it('refuse a range outside of them', async () => {
    const { answer } = await get({ range: 'bytes=100000-' });
    expect([answer.statusCode, answer.headers['content-range']]).toEqual([416, 'bytes */100000']);
  });

  it('are not sent to those who have them, and not with HEAD', async () => {
    const known = await get({ 'if-none-match': `W/"${sha256}"` });
    expect([known.answer.statusCode, known.body.length]).toEqual([304, 0]);
    const head = await get({}, 'HEAD');
    expect([head.answer.statusCode, head.answer.headers['content-length'], head.body.length]).toEqual([
      200,
      '100000',
      0,
    ]);
  });

  it.each([`${'0'.repeat(64)}.png`, 'abc.png', '..%2f..%2flock'])('are 404 where there is none: %s', async (name) => {
    for (const headers of [{}, { range: 'bytes=0-1' }, { 'if-none-match': '"x"' }]) {
      const { answer } = await get(headers as Record<string, string>, 'GET', name);
      expect(answer.statusCode).toBe(404);
      expect(answer.headers).not.toHaveProperty('cache-control');
    }
  });

  it('leave nothing open when clients go away in the middle', async () => {
    const { port } = server.address() as AddressInfo;
    for (let i = 0; i < 100; i++) {
      await new Promise<void>((resolve) => {
        const sent = request({ port, host: '127.0.0.1', path: `/images/${sha256}.png`, agent: false }, (answer) => {
          answer.once('data', () => answer.destroy());
          answer.once('close', resolve);
          answer.on('error', () => undefined);
        });
        sent.end();
      });
    }
    expect((await get()).body).toEqual(png);
  });
});
