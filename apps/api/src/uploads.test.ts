import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { loadPlugins } from '@tessera/models';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeRandomModel } from '@tessera/host/testing';
import type { RunningServer } from './index.ts';
import { conditionPictureCases } from './testing/condition-pictures.ts';
import { testClient, type TestClient } from './testing/test-client.ts';
import { startTestServer } from './testing/open.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-uploads-'));
const names = ['quick', 'sets', 'slow', 'large'] as const;
const config = join(root, 'tessera.config.mjs');
const condition = fileURLToPath(new URL('../../../examples/condition-picture/src/index.ts', import.meta.url));
const options = {
  port: 0,
  address: '127.0.0.1',
  dataDirectory: join(root, 'data'),
  playground: join(root, 'none'),
  config,
  modelFolders: names.map((name) => join(root, name)),
};
let server: RunningServer;
let client: TestClient;

async function start(): Promise<void> {
  server = await startTestServer(options);
  client = testClient(server.url);
}

beforeAll(async () => {
  const small = { width: 32, depth: 1, channels: 1 } as const;
  await writeRandomModel(join(root, 'quick'), { ...small, name: 'quick' });
  await writeRandomModel(join(root, 'sets'), { ...small, name: 'sets', step: 'set' });
  await writeRandomModel(join(root, 'slow'), { name: 'slow', width: 192, depth: 8, channels: 3 });
  writeFileSync(config, `export const config = { plugins: [${JSON.stringify(condition)}] };`);
  const { plugins } = await loadPlugins(config);
  const ofPictures = { plugin: '@tessera-examples/condition-picture', config: { side: 32, channels: 1 }, plugins };
  await writeRandomModel(join(root, 'large'), { ...small, name: 'large', condition: ofPictures });
  await start();
});

afterAll(async () => {
  await server?.close();
  rmSync(root, { recursive: true, force: true });
});

const grays = Uint8Array.from({ length: 1024 }, (_, i) => (i * 11) % 256);
const gray = (value: (i: number) => number) =>
  sharp(
    grays.map((_, i) => value(i)),
    { raw: { height: 32, width: 32, channels: 1 } },
  );
const picture = () =>
  gray((i) => grays[i]!)
    .png()
    .toBuffer();
const lowerHalf = () =>
  gray((i) => (i < 512 ? 0 : 255))
    .png()
    .toBuffer();

interface Answer {
  readonly status: number;
  readonly id?: string;
  readonly url?: string;
  readonly errors?: readonly { readonly message: string; readonly extensions: { readonly code: string } }[];
}

async function upload(body: Uint8Array, headers: Record<string, string> = {}): Promise<Answer> {
  const all = { 'content-type': 'image/png', ...headers };
  const response = await fetch(`${server.url}/v1/uploads`, { method: 'POST', headers: all, body: Buffer.from(body) });
  return { status: response.status, ...((await response.json()) as object) };
}

async function grayAt(path: string): Promise<number[]> {
  const bytes = Buffer.from(await (await fetch(server.url + path)).arrayBuffer());
  return [...(await sharp(bytes).toColourspace('b-w').raw().toBuffer())];
}

async function imagesOf(id: string): Promise<readonly string[]> {
  const last = (await client.events(id)).at(-1)!;
  expect(last).toMatchObject({ __typename: 'CompletedEvent' });
  return last.images!;
}

describe('an upload', () => {
  it('is served by the hash of its pixels, and once however often it is sent', async () => {
    const first = await upload(await picture());
    expect(first).toMatchObject({ status: 201, url: `/images/${first.id}.png`, height: 32, width: 32 });
    expect(await grayAt(first.url!)).toEqual([...grays]);
    const tagged = await sharp(await picture())
      .withExif({ IFD0: { Copyright: 'somebody' } })
      .png()
      .toBuffer();
    expect((await upload(tagged)).id).toBe(first.id);
  });

  it.each([
    ['upload-type', 415, picture, { 'content-type': 'text/plain' }],
    ['upload-type', 415, picture, { 'content-type': 'multipart/form-data; boundary=x' }],
    ['upload-type', 415, picture, { 'content-type': 'image/svg+xml' }],
    ['upload-broken', 415, picture, { 'content-encoding': 'gzip' }],
    ['upload-too-large', 413, async () => new Uint8Array(16 * 1024 * 1024 + 1), {}],
    ['picture-format', 400, async () => new Uint8Array(0), {}],
    ['picture-format', 400, async () => Buffer.from('<html>not a picture</html>'), {}],
    ['picture-broken', 400, async () => (await picture()).subarray(0, 200), {}],
    ['picture-animated', 400, film, { 'content-type': 'image/webp' }],
    ['picture-too-large', 400, bomb, {}],
  ] as const)('is refused with %s and status %d (%#)', async (code, status, bytes, headers) => {
    const refused = await upload(await bytes(), headers);
    expect([refused.status, refused.errors?.[0]!.extensions.code]).toEqual([status, code]);
    expect(refused.errors![0]!.message).toMatch(/^\[uploads\] got .+; expected .+\. .+\.$/);
  });

  it('is refused without a type', async () => {
    const status = await new Promise((resolve) => {
      httpRequest(`${server.url}/v1/uploads`, { method: 'POST' }, ({ statusCode }) => resolve(statusCode)).end('x');
    });
    expect(status).toBe(415);
  });

  it('is refused while eight others are on their way', async () => {
    const headers = { 'content-type': 'image/png', 'content-length': '1000' };
    const begun = Array.from({ length: 9 }, () => httpRequest(`${server.url}/v1/uploads`, { method: 'POST', headers }));
    // None of them ends: only the one that comes last is answered.
    const answer = await new Promise<IncomingMessage>((resolve) => {
      for (const request of begun) {
        request.on('error', () => undefined).on('response', resolve);
        request.write('x');
      }
    });
    const { errors } = (await json(answer)) as Pick<Answer, 'errors'>;
    expect([answer.statusCode, errors?.[0]!.extensions.code]).toEqual([503, 'uploads-busy']);
    for (const request of begun) request.destroy();
    const again = async (): Promise<number> => (await upload(await picture())).status;
    await expect.poll(again, { timeout: 30_000 }).toBe(201);
  });
});

const box = (x0: number, y0: number, x1: number, y1: number) => ({ x0, y0, x1, y1 });
const lower = box(0, 0.5, 1, 1);

describe('an edit', () => {
  it.each(['quick', 'sets'])('by mask keeps the given pixels, alone as among others: %s', async (model) => {
    const [image, mask] = await Promise.all([upload(await picture()), upload(await lowerHalf())]);
    const edit = { image: image.id, region: { mask: mask.id } };
    const created = await client.create({ model, images: { count: 3 }, seed: 5, edit });
    expect(created).toMatchObject({ __typename: 'Generation', labels: [-1, -1, -1] });
    const images = await imagesOf(created.id);
    for (const path of images) {
      const made = await grayAt(path);
      expect(made.slice(0, 512)).toEqual([...grays.slice(0, 512)]);
      expect(made.slice(512)).not.toEqual([...grays.slice(512)]);
    }
    const box = { image: image.id, region: { inside: lower } };
    const alone = await client.create({ model, images: { condition: { label: -1 } }, seed: 7, edit: box });
    expect(await imagesOf(alone.id)).toEqual(images.slice(2));
    const query = `query ($id: ID!) { generation(id: $id) { ... on Generation {
      edit { image { id } mask { id } inside { x0 y0 x1 y1 } outside { x0 } place { x0 } } } } }`;
    expect(await client.query(query, { id: alone.id })).toEqual({
      generation: { edit: { image: { id: image.id }, mask: null, inside: lower, outside: null, place: null } },
    });
  });

  it('takes a finished image, and any class', async () => {
    const [path] = await imagesOf((await client.create({ model: 'quick', images: { condition: { label: 7 } } })).id);
    const image = /([0-9a-f]{64})/.exec(path!)![1];
    const edit = { image, region: { outside: box(0, 0, 0.5, 1) } };
    const [edited] = await imagesOf(
      (await client.create({ model: 'quick', images: { condition: { label: 3 } }, edit })).id,
    );
    const column = (pixels: number[]) => pixels.filter((_, i) => i % 32 < 16);
    expect(column(await grayAt(edited!))).toEqual(column(await grayAt(path!)));
    const shrunk = await client.create({
      model: 'quick',
      edit: { image, region: { place: box(0.25, 0.25, 0.75, 0.75) } },
    });
    expect((await imagesOf(shrunk.id)).length).toBe(1);
  });

  it('outlives the server', async () => {
    const { id: image } = await upload(await picture());
    const edit = { image, region: { inside: lower } };
    const input = { model: 'quick', images: { condition: { label: 2 } }, seed: 9, edit };
    const before = await imagesOf((await client.create(input)).id);
    const running = await client.create({
      model: 'slow',
      images: { condition: { label: 3 }, count: 64 },
      preview: 'NONE',
    });
    const queued = await client.create(input);
    await client.events(running.id, { enough: ({ __typename }) => __typename === 'StepEvent' });
    await server.close();
    await start();
    expect(await imagesOf(queued.id)).toEqual(before);
    expect(await imagesOf((await client.create(input)).id)).toEqual(before);
  });

  it('is refused as data', async () => {
    const { id: image } = await upload(await picture());
    const black = (
      await upload(
        await gray(() => 0)
          .png()
          .toBuffer(),
      )
    ).id;
    const wide = (
      await upload(
        await sharp(await picture())
          .resize(64, 16, { fit: 'fill' })
          .png()
          .toBuffer(),
      )
    ).id;
    const region = { inside: box(0, 0, 1, 1) };
    const wrong: [string, object][] = [
      ['unknown-picture', { image: '0'.repeat(64), region }],
      ['unknown-picture', { image: '../lock', region }],
      ['unknown-picture', { image: '\0', region }],
      ['unknown-picture', { image: "' OR 1=1 --", region }],
      ['unknown-picture', { image, region: { mask: 'unknown' } }],
      ['edit-repaints-nothing', { image }],
      ['edit-repaints-nothing', { image, region: { mask: black } }],
      ['edit-mask-shape', { image, region: { mask: wide } }],
      ['edit-box-invalid', { image, region: { inside: box(0.5, 0.5, 0.5, 0.5) } }],
      ['edit-box-invalid', { image, region: { outside: box(-1, 0, 1, 1) } }],
      ['edit-box-invalid', { image, region: { place: box(0, 0, 1e300, 1) } }],
    ];
    for (const [code, edit] of wrong) {
      const refused = await client.create({ model: 'quick', edit });
      const type = code === 'unknown-picture' ? 'NotFound' : 'RequestError';
      expect(refused).toMatchObject({ __typename: type, code, field: expect.arrayContaining(['edit']) as string[] });
      expect(refused.message).toMatch(/^\[(createGeneration|quick)\] got .+; expected .+\. .+\.$/);
      expect(refused.message).not.toContain(root);
      expect(refused.message!.length).toBeLessThan(300);
    }
    const preview = (await client.events((await client.create({ model: 'quick', preview: 'LINEAR' })).id)).find(
      ({ previews }) => previews,
    )!.previews![0]!;
    const hash = /([0-9a-f]{64})/.exec(preview)![1];
    expect(await client.create({ model: 'quick', edit: { image: hash } })).toMatchObject({ code: 'unknown-picture' });
  });
});

function film(): Promise<Buffer> {
  const frames = grays.map((_, i) => (i < 512 ? 0 : 255));
  return sharp(frames, { raw: { height: 16, width: 64, channels: 1, pageHeight: 8 } })
    .webp()
    .toBuffer();
}

/** 64 megapixels in few bytes. */
function bomb(): Promise<Buffer> {
  return sharp({ create: { width: 8000, height: 8000, channels: 3, background: 'black' } })
    .png()
    .toBuffer();
}

conditionPictureCases({ client: () => client, upload, imagesOf, grayAt, pictures: [picture, lowerHalf] });
