import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { APIError, OpenAI, toFile } from 'openai';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeRandomModel } from '@tessera/host/testing';
import type { RunningServer } from '../index.ts';
import { startTestServer } from '../testing/open.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-openai-'));
let server: RunningServer;
let openai: OpenAI;

beforeAll(async () => {
  const small = { width: 32, depth: 1, channels: 1 } as const;
  await writeRandomModel(join(root, 'quick'), { ...small, name: 'quick' });
  await writeRandomModel(join(root, 'sets'), { ...small, name: 'sets', step: 'set' });
  await writeRandomModel(join(root, 'slow'), { name: 'slow', width: 256, depth: 16, channels: 3 });
  server = await startTestServer({
    port: 0,
    address: '127.0.0.1',
    dataDirectory: join(root, 'data'),
    playground: join(root, 'none'),
    modelFolders: ['quick', 'sets', 'slow'].map((name) => join(root, name)),
  });
  openai = new OpenAI({ apiKey: 'none', baseURL: `${server.url}/v1`, maxRetries: 0 });
});

afterAll(async () => {
  await server?.close();
  rmSync(root, { recursive: true, force: true });
});

const pixels = async (base64: string) => sharp(Buffer.from(base64, 'base64')).raw().toBuffer();
const picture = () => {
  const data = Uint8Array.from({ length: 1024 }, (_, i) => (i * 11) % 256);
  return sharp(data, { raw: { height: 32, width: 32, channels: 1 } })
    .png()
    .toBuffer();
};
/** Transparent in its lower half, as OpenAI's masks are. */
const lowerHalf = () => {
  const data = Uint8Array.from({ length: 4096 }, (_, i) => (i % 4 === 3 && i >= 2048 ? 0 : 255));
  return sharp(data, { raw: { height: 32, width: 32, channels: 4 } })
    .png()
    .toBuffer();
};
const file = async (bytes: Promise<Buffer>, name: string) => toFile(await bytes, name, { type: 'image/png' });
const refusal = (call: Promise<unknown>) =>
  call.then(
    () => expect.fail('was taken'),
    (error: unknown) => error as InstanceType<typeof APIError>,
  );

describe('the client of OpenAI', () => {
  it('lists models and finds one', async () => {
    const { data } = await openai.models.list();
    expect(data.map(({ id, object }) => [id, object])).toEqual([
      ['quick', 'model'],
      ['sets', 'model'],
      ['slow', 'model'],
    ]);
    expect(await openai.models.retrieve('sets')).toMatchObject({ id: 'sets', size: '32x32' });
  });

  it('generates images of the class that the prompt names', async () => {
    const body = { model: 'quick', prompt: 'seven', n: 2, size: '32x32' as const, seed: 5 };
    const answer = await openai.images.generate(body);
    expect(answer.created).toBeGreaterThan(Date.now() / 1000 - 100);
    expect(answer.usage).toMatchObject({
      output_tokens: expect.any(Number),
      total_tokens: answer.usage!.output_tokens,
    });
    expect(answer.data!.length).toBe(2);
    expect((await sharp(Buffer.from(answer.data![0]!.b64_json!, 'base64')).metadata()).width).toBe(32);
    const again = await openai.images.generate({ ...body, n: 1, response_format: 'url' });
    const fetched = Buffer.from(await (await fetch(again.data![0]!.url!)).arrayBuffer());
    expect(fetched.toString('base64')).toBe(answer.data![0]!.b64_json);
    expect(answer.data).toMatchObject([{ seed: 5 }, { seed: 6 }]);
  });

  it('gets other images at each call without a seed, and the same for one key', async () => {
    const body = { model: 'quick', prompt: '3' };
    const one = async (options = {}) => (await openai.images.generate(body, options)).data![0]!.b64_json;
    expect(await one()).not.toBe(await one());
    const key = { headers: { 'Idempotency-Key': 'a' } };
    expect(await one(key)).toBe(await one(key));
  });

  it.each([0, 1, 3])('streams %d partial images, then the image', async (partial_images) => {
    const body = { model: 'sets', prompt: 'two', seed: 3, stream: true, partial_images } as const;
    const events = [];
    for await (const event of await openai.images.generate(body)) events.push(event);
    const partial = events.filter((event) => event.type === 'image_generation.partial_image');
    expect(partial.map((event) => event.partial_image_index)).toEqual(
      Array.from({ length: partial_images }, (_, i) => i),
    );
    const last = events.at(-1) as OpenAI.Images.ImageGenCompletedEvent;
    expect(last).toMatchObject({ type: 'image_generation.completed', size: '32x32', output_format: 'png' });
    expect(events.length).toBe(partial_images + 1);
    expect(last.usage.output_tokens).toBeGreaterThan(0);
    const atOnce = { model: 'sets', prompt: 'two', seed: 3 };
    const whole = await openai.images.generate(atOnce);
    expect(last.b64_json).toBe(whole.data![0]!.b64_json);
    expect(last.usage.output_tokens).toBe(whole.usage!.output_tokens);
    for (const { b64_json } of partial) expect(await pixels(b64_json)).not.toEqual(await pixels(last.b64_json));
  });

  it('edits what is transparent in the mask, and keeps the rest', async () => {
    const image = await file(picture(), 'image.png');
    const mask = await file(lowerHalf(), 'mask.png');
    const answer = await openai.images.edit({ model: 'sets', prompt: 'none', image, mask, n: 2 });
    const kept = await sharp(await picture())
      .extractChannel(0)
      .raw()
      .toBuffer();
    expect(answer.data!.length).toBe(2);
    for (const { b64_json } of answer.data!) {
      const drawn = await sharp(Buffer.from(b64_json!, 'base64')).extractChannel(0).raw().toBuffer();
      const difference = (from: number, to: number) =>
        drawn.subarray(from, to).reduce((sum, value, i) => sum + Math.abs(value - kept[from + i]!), 0);
      expect(difference(0, 512)).toBeLessThan(difference(512, 1024));
    }
  });

  it('streams an edit, with fields of our own', async () => {
    const image = await file(picture(), 'image.png');
    const ours = { box: [0, 0.5, 1, 1], options: { topK: 5 }, seed: 1 } as object;
    const body = { model: 'quick', prompt: 'one', image, stream: true, partial_images: 1, ...ours } as const;
    const types = [];
    for await (const event of await openai.images.edit(body)) types.push(event.type);
    expect(types).toEqual(['image_edit.partial_image', 'image_edit.completed']);
  });
});

describe('the client of OpenAI is refused', () => {
  const generate = (body: object) => refusal(openai.images.generate({ prompt: '1', model: 'quick', ...body }));

  it.each([
    [{ model: 'dall-e-3' }, 404, 'model_not_found', 'model'],
    [{ model: null }, 400, 'model-missing', 'model'],
    [{ prompt: 'a photo of a cat' }, 400, 'unknown-label', 'prompt'],
    [{ prompt: undefined }, 400, 'field-missing', 'prompt'],
    [{ size: '1024x1024' }, 400, 'size-unsupported', 'size'],
    [{ n: 0 }, 400, 'field-invalid', 'n'],
    [{ n: 1000 }, 400, 'field-invalid', 'n'],
    [{ quality: 'hd' }, 400, 'field-invalid', 'quality'],
    [{ background: 'transparent' }, 400, 'field-invalid', 'background'],
    [{ output_format: 'webp' }, 400, 'field-invalid', 'output_format'],
    [{ partial_images: 4, stream: true }, 400, 'field-invalid', 'partial_images'],
    [{ sede: 4 }, 400, 'field-unknown', 'sede'],
    [{ options: { nonsense: 4 } }, 400, 'option-unknown', 'options'],
    [{ seed: -1 }, 400, 'field-invalid', 'seed'],
  ])('%j: %d %s', async (body, status, code, param) => {
    const error = await generate(body);
    expect(error).toMatchObject({ status, code, type: 'invalid_request_error' });
    expect(error.param ?? null).toBe(param);
    expect(error.message).toMatch(/got .+; expected .+\. .+\.|got .+; expected .+\?/);
  });

  it('a prompt that is too long', async () => {
    expect(await generate({ prompt: 'x'.repeat(300_000) })).toMatchObject({ status: 413, code: 'body-too-large' });
  });

  it('with the classes named', async () => {
    const { message } = await generate({ prompt: 'cat' });
    expect(message).toContain('a class of quick: zero, one, two, three, four, five, six, seven, eight, nine, none');
  });

  it.each([
    ['no image', async () => ({}), 400, 'image-missing'],
    ['a text', async () => ({ image: await toFile(Buffer.from('x'), 'a.png') }), 400, 'picture-format'],
    [
      'an opaque mask',
      async () => ({ image: await file(picture(), 'a'), mask: await file(picture(), 'm') }),
      400,
      'mask-opaque',
    ],
    ['an empty file', async () => ({ image: await toFile(Buffer.alloc(0), 'a.png') }), 400, 'picture-format'],
    ['nothing to redraw', async () => ({ image: await file(picture(), 'a') }), 400, 'edit-repaints-nothing', 'mask'],
    [
      'two images',
      async () => ({ image: [await file(picture(), 'a'), await file(picture(), 'b')] }),
      400,
      'image-missing',
    ],
  ])('an edit of %s', async (_, parts, status, code, param?: string) => {
    const edit = openai.images.edit({ model: 'quick', prompt: '1', ...(await parts()) } as never);
    expect(await refusal(edit)).toMatchObject({ status, code, type: 'invalid_request_error', ...(param && { param }) });
  });

  it('paths that there are not', async () => {
    const error = await refusal(openai.chat.completions.create({ model: 'quick', messages: [] }));
    expect(error).toMatchObject({ status: 404, code: 'not-found', type: 'invalid_request_error' });
    const variation = openai.images.createVariation({ image: await file(picture(), 'a') });
    expect(await refusal(variation)).toMatchObject({ status: 404, code: 'not-found' });
  });

  it('a body that is no JSON, or no form, in the same shape', async () => {
    const send = async (path: string, type: string, body: string) => {
      const headers = { 'content-type': type };
      const response = await fetch(`${server.url}/v1/images/${path}`, { method: 'POST', headers, body });
      return [response.status, ((await response.json()) as { error: { code: string } }).error.code];
    };
    expect(await send('generations', 'application/json', '{')).toEqual([400, 'malformed-body']);
    expect(await send('generations', 'application/json', '[]')).toEqual([400, 'field-invalid']);
    expect(await send('edits', 'application/json', '{}')).toEqual([415, 'upload-type']);
    expect(await send('edits', 'multipart/form-data; boundary=x', 'y')).toEqual([400, 'malformed-body']);
    expect(await send('edits', 'multipart/form-data', 'y')).toEqual([400, 'malformed-body']);
  });
});
