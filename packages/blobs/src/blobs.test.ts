import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBlobs, type Blobs } from './index.ts';
import { s3Servers, type TestServer } from './testing/s3-servers.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-blobs-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const bytes = (seed: number, length = 3000) => Uint8Array.from({ length }, (_, i) => ((i + 1) * (seed + 7919)) >>> 3);
const hashOf = (png: Uint8Array) => createHash('sha256').update(png).digest('hex');
const absent = hashOf(bytes(99));

const places = [
  { name: 'a folder', start: (): Promise<TestServer> => Promise.resolve({ place: join(root, 'files'), stop() {} }) },
  ...s3Servers(root),
];

describe.each(places)('pictures in $name', ({ start }) => {
  let server: TestServer;
  let blobs: Blobs;

  beforeAll(async () => {
    server = await start();
    blobs = await openBlobs(join(root, 'unused'), server.place);
  });

  afterAll(async () => {
    await blobs?.close();
    await server?.stop();
  });

  it('are named after their content and read as they were put, whole or in part', async () => {
    const png = bytes(1);
    const sha256 = await blobs.put(png);
    expect(sha256).toBe(hashOf(png));
    const whole = (await blobs.read(sha256))!;
    expect(whole.size).toBe(png.length);
    expect(new Uint8Array(await buffer(whole.stream))).toEqual(png);
    const part = (await blobs.read(sha256, { start: 100, end: 199 }))!;
    expect(part.size).toBe(png.length);
    expect(new Uint8Array(await buffer(part.stream))).toEqual(png.subarray(100, 200));
    expect(await blobs.sizeOf(sha256)).toBe(png.length);
    await blobs.ready();
  });

  it('are stored once, however often and by how many at a time they are put', async () => {
    const png = bytes(2, 200_000);
    const put = (durable: boolean) => blobs.put(png, { durable });
    const all = await Promise.all([true, false, true, true, false].map(put));
    expect(new Set([...all, await put(true)])).toEqual(new Set([hashOf(png)]));
    const stored = [];
    for await (const blob of blobs.list()) stored.push(blob);
    expect(stored.filter(({ sha256 }) => sha256 === hashOf(png))).toMatchObject([{ size: png.length }]);
    const file = (await blobs.fileOf(hashOf(png)))!;
    expect(new Uint8Array(readFileSync(file))).toEqual(png);
    expect(await blobs.fileOf(hashOf(png))).toBe(file);
  });

  it.each([absent, '', 'x', '../../etc/passwd', `${absent}/..`, `\0${absent.slice(1)}`])(
    'are null where there is none: %j',
    async (sha256) => {
      expect(await blobs.read(sha256)).toBe(null);
      expect(await blobs.sizeOf(sha256)).toBe(null);
      expect(await blobs.fileOf(sha256)).toBe(null);
      await blobs.remove([sha256], new Date());
    },
  );

  it('are removed by age, which begins again with each put', async () => {
    const old = await blobs.put(bytes(3));
    const renewed = await blobs.put(bytes(4));
    // Times of S3 are in whole seconds.
    await sleep(2100);
    await blobs.put(bytes(4));
    const between = new Date(Date.now() - 1050);
    await blobs.remove([old, renewed, absent], between);
    expect([await blobs.sizeOf(old), await blobs.sizeOf(renewed)]).toEqual([null, 3000]);
    await blobs.put(bytes(3));
    expect(await blobs.sizeOf(old)).toBe(3000);
  });

  it('can be left unread', async () => {
    const sha256 = await blobs.put(bytes(5, 2_000_000));
    for (let i = 0; i < 60; i++) (await blobs.read(sha256))!.stream.destroy();
    expect((await buffer((await blobs.read(sha256))!.stream)).length).toBe(2_000_000);
  });
});

describe.each(s3Servers(root))('$name refuses', ({ start }) => {
  let server: TestServer;
  beforeAll(async () => void (server = await start()), 60_000);
  afterAll(() => server?.stop());

  const errorOf = async (place: string, call: (blobs: Blobs) => Promise<unknown>) => {
    const blobs = await openBlobs(root, place);
    const error = await call(blobs).then(
      () => null,
      (error: unknown) => error,
    );
    await blobs.close();
    return error;
  };

  it('a bucket that is not there, in words', async () => {
    const calls = [(blobs: Blobs) => blobs.put(bytes(1)), (blobs: Blobs) => blobs.read(absent)];
    for (const call of calls) {
      const error = (await errorOf('s3://nowhere', call)) as Error;
      expect(error).toMatchObject({ code: 'storage-failed' });
      expect(error.message).toContain('NoSuchBucket');
    }
    expect(await errorOf('s3://nowhere', (blobs) => blobs.ready())).toMatchObject({ code: 'storage-failed' });
  });

  it('another key', async () => {
    const right = process.env['AWS_ACCESS_KEY_ID'];
    process.env['AWS_ACCESS_KEY_ID'] = 'another';
    const error = await errorOf(server.place, (blobs) => blobs.put(bytes(1)));
    process.env['AWS_ACCESS_KEY_ID'] = right;
    expect(error).toMatchObject({
      code: 'storage-failed',
      message: expect.stringMatching(/bucket pictures \(\w+: .+\); expected/),
    });
  });
});

describe('a bucket that does not answer', () => {
  it.each([
    ['no server listens', 'http://127.0.0.1:9', 'bucket'],
    ['there is no such host', 'http://no-such-host.invalid', 'bucket'],
  ])('fails with storage-failed where %s', async (_, endpoint, bucket) => {
    process.env['AWS_ENDPOINT_URL'] = endpoint;
    process.env['AWS_ACCESS_KEY_ID'] = process.env['AWS_SECRET_ACCESS_KEY'] = 'none';
    const blobs = await openBlobs(root, `s3://${bucket}`);
    const calls = [blobs.put(bytes(1)), blobs.read(absent), blobs.fileOf(absent), blobs.ready()];
    for (const result of await Promise.allSettled(calls)) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'storage-failed' } });
      const { message } = (result as PromiseRejectedResult).reason as Error;
      expect(message).toMatch(/^\[blobs\] got an error of the bucket bucket \(E\w+\); expected .+\./);
    }
    await blobs.close();
  });
});

it.each(['s3://', 's3://a', 's3://bucket/a?b', 'http://host/bucket', 's3://UPPER_/x'])(
  'refuses %s as a place for pictures',
  async (place) => {
    await expect(openBlobs(root, place)).rejects.toMatchObject({ code: 'blobs-invalid' });
  },
);
