import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest, type ClientRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { RunningServer } from '../index.ts';
import { startTestServer } from '../testing/open.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-turns-'));
const dataDirectory = join(root, 'data');
let server: RunningServer;
let picture: Buffer;

beforeAll(async () => {
  const options = { port: 0, address: '127.0.0.1', dataDirectory, playground: join(root, 'none'), modelFolders: [] };
  server = await startTestServer({ ...options, origins: ['http://localhost:5173'] });
  const pixels = { raw: { height: 200, width: 200, channels: 1 } } as const;
  picture = await sharp(randomBytes(200 * 200), pixels)
    .png()
    .toBuffer();
});

afterAll(async () => {
  await server?.close();
  rmSync(root, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly code: string | undefined;
}

/** An upload that has begun. */
function begin(length: number, first = 1): { readonly sent: ClientRequest; readonly answer: Promise<Answer> } {
  const headers = { 'content-type': 'image/png', 'content-length': length };
  const sent = httpRequest(`${server.url}/v1/uploads`, { method: 'POST', headers, agent: false });
  const answer = new Promise<Answer>((resolve, reject) => {
    sent.on('error', reject).on('response', (response) => {
      json(response).then((body) => {
        const { errors } = body as { errors?: { extensions: { code: string } }[] };
        resolve({ status: response.statusCode!, code: errors?.[0]?.extensions.code });
      }, reject);
    });
  });
  sent.write(picture.subarray(0, first));
  return { sent, answer };
}

async function upload(): Promise<Answer> {
  const { sent, answer } = begin(picture.length);
  sent.end(picture.subarray(1));
  return answer;
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

describe('an upload that stands still or drips', () => {
  it('gives its turn to one that moves and ends soon, while one that is merely slow goes on', async () => {
    const output = vi.spyOn(console, 'error');
    const [dripping, ...still] = Array.from({ length: 7 }, () => begin(picture.length));
    const slowBytes = 6 * 5000;
    const slow = begin(picture.length, picture.length - slowBytes);
    let good: Promise<Answer> | undefined;
    for (let at = picture.length - slowBytes; at < picture.length; at += 5000) {
      await pause(1000);
      if (!dripping!.sent.destroyed) dripping!.sent.write('x');
      slow.sent.write(picture.subarray(at, at + 5000));
      // All eight turns are taken.
      if (at > picture.length - slowBytes) good ??= upload();
    }
    slow.sent.end();
    expect(await good).toEqual({ status: 201, code: undefined });
    expect(await slow.answer).toEqual({ status: 201, code: undefined });
    for (const { answer } of [dripping!, ...still]) {
      expect(await answer).toEqual({ status: 408, code: 'upload-too-slow' });
    }
    expect(output).not.toHaveBeenCalled();
    output.mockRestore();
  });
});

describe('what is stored', () => {
  const hash = 'ab'.repeat(32);

  it('is served with a strong tag that never has to be asked for again', async () => {
    const headers = { 'content-type': 'image/png' };
    const sent = await fetch(`${server.url}/v1/uploads`, { method: 'POST', headers, body: new Uint8Array(picture) });
    const { id, url } = (await sent.json()) as { id: string; url: string };
    const image = await fetch(server.url + url);
    expect(Object.fromEntries(image.headers)).toMatchObject({
      etag: `"${id}"`,
      'cache-control': 'public, max-age=31536000, immutable',
      'cross-origin-resource-policy': 'cross-origin',
      'x-content-type-options': 'nosniff',
      vary: 'Origin',
    });
    expect(image.headers.has('last-modified')).toBe(false);
    const bytes = (await image.arrayBuffer()).byteLength;
    // fetch would say no-cache beside a condition of its caller.
    const statusFor = (more: Record<string, string>) =>
      new Promise<number>((resolve, reject) => {
        const sent = httpRequest(server.url + url, { headers: more, agent: false }, (answer) => {
          answer.resume();
          resolve(answer.statusCode!);
        });
        sent.on('error', reject).end();
      });
    expect(await statusFor({ 'if-none-match': `"${id}"` })).toBe(304);
    expect(await statusFor({ 'if-none-match': `"${hash}", W/"${id}"` })).toBe(304);
    expect(await statusFor({ 'if-none-match': `"${hash}"` })).toBe(200);
    expect(await statusFor({ 'if-range': `"${id}"`, range: 'bytes=0-9' })).toBe(206);
    expect((await fetch(server.url + url, { method: 'HEAD' })).headers.get('content-length')).toBe(String(bytes));
  });
});
