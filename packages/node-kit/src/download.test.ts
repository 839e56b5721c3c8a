import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { download } from './download.ts';

const content = Buffer.from(Array.from({ length: 5000 }, (_, i) => i % 251));
const sha256 = createHash('sha256').update(content).digest('hex');
const folder = mkdtempSync(join(tmpdir(), 'tessera-download-'));
const ranges: (string | undefined)[] = [];
let server: Server;
let url = '';

beforeAll(async () => {
  server = createServer((request, response) => {
    const { range } = request.headers;
    ranges.push(range);
    const start = range ? Number(/^bytes=(\d+)-$/.exec(range)![1]) : 0;
    if (start >= content.length) return response.writeHead(416).end();
    response.writeHead(range ? 206 : 200, { 'content-length': content.length - start });
    return response.end(content.subarray(start));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/wheel`;
});

afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('download', () => {
  const quiet = () => undefined;

  it('goes on where an attempt has stopped, and leaves a whole file alone', async () => {
    const file = join(folder, 'resumed');
    writeFileSync(`${file}.part`, content.subarray(0, 1234));
    await download({ url, sha256, file }, quiet);
    expect(ranges.splice(0)).toEqual(['bytes=1234-']);
    expect(readFileSync(file).equals(content)).toBe(true);
    await download({ url, sha256, file }, quiet);
    expect(ranges).toEqual([]);
  });

  it('takes a part that is whole already', async () => {
    const file = join(folder, 'whole');
    writeFileSync(`${file}.part`, content);
    await download({ url, sha256, file }, quiet);
    expect(existsSync(file)).toBe(true);
  });

  it('refuses another checksum, and starts from zero after that', async () => {
    const file = join(folder, 'wrong');
    writeFileSync(`${file}.part`, Buffer.alloc(100));
    await expect(download({ url, sha256, file }, quiet)).rejects.toMatchObject({ code: 'checksum-mismatch' });
    expect(existsSync(`${file}.part`)).toBe(false);
    await download({ url, sha256, file }, quiet);
    expect(readFileSync(file).equals(content)).toBe(true);
  });

  it('says what went wrong', async () => {
    const wish = { url: 'http://127.0.0.1:1/', sha256, file: join(folder, 'none') };
    await expect(download(wish, quiet)).rejects.toMatchObject({ code: 'download-failed' });
  });
});
