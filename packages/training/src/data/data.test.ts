import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { batchOrder, shiftImages } from './batches.ts';
import { openIdx, openMnist, readIdx } from './idx.ts';
import { openImageFolder } from './image-folder.ts';

import sharp from 'sharp';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-data-'));
});
afterAll(() => rm(folder, { recursive: true }));

const all = (count: number) => Int32Array.from({ length: count }, (_, i) => i);

function idx(dims: number[], data: number[]): Buffer {
  const header = Buffer.alloc(4 + 4 * dims.length);
  header.set([0, 0, 8, dims.length]);
  dims.forEach((size, axis) => header.writeUInt32BE(size, 4 + 4 * axis));
  return Buffer.concat([header, Buffer.from(data)]);
}

describe('IDX', () => {
  it('reads gzipped files, pads and holds out', async () => {
    const file = (name: string) => join(folder, name);
    await writeFile(
      file('images.gz'),
      gzipSync(
        idx(
          [3, 2, 2],
          [...all(12)].map((i) => 20 * i),
        ),
      ),
    );
    await writeFile(file('labels'), idx([3], [0, 2, 1]));
    const pair = { images: file('images.gz'), labels: file('labels') };
    const data = await openIdx({ name: 'tiny', train: pair, test: pair, size: 4, validation: 1, seed: 5 });
    expect([data.train.count, data.validation.count, data.test.count]).toEqual([2, 1, 3]);
    expect(data.classes).toEqual(['0', '1', '2']);
    const limited = await openIdx({ name: 'tiny', train: pair, test: pair, size: 4, validation: 1, seed: 5, limit: 1 });
    expect([limited.train.count, limited.validation.count, limited.test.count]).toEqual([1, 1, 3]);
    const pixels = await data.test.read(Int32Array.of(2));
    const bytes = [...pixels].map((value) => Math.round(value * 255));
    expect(bytes).toEqual([0, 0, 0, 0, 0, 160, 180, 0, 0, 200, 220, 0, 0, 0, 0, 0]);
  });

  it.each([
    ['cut', idx([3, 2, 2], [1, 2, 3])],
    ['text', Buffer.from('no images at all')],
    ['gzip', gzipSync(idx([1], [1])).subarray(0, 12)],
  ])('refuses a damaged file: %s', async (name, bytes) => {
    await writeFile(join(folder, name), bytes);
    await expect(readIdx(join(folder, name))).rejects.toMatchObject({ code: 'idx-malformed' });
  });

  it('names a missing file', async () => {
    await expect(readIdx(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'data-file-missing' });
  });

  it('opens MNIST', async () => {
    const data = await openMnist({ size: 32, validation: 1000, seed: 0 });
    expect([data.train.count, data.validation.count, data.test.count]).toEqual([59_000, 1000, 10_000]);
    const limited = await openMnist({ size: 32, validation: 1000, seed: 0, limit: 500 });
    expect([limited.train.count, limited.validation.count, limited.test.count]).toEqual([500, 1000, 10_000]);
    expect([...data.test.label_N.subarray(0, 5)]).toEqual([7, 2, 1, 0, 4]);
  });
});

describe('image folder', () => {
  const picture = (red: number) =>
    sharp({ create: { width: 12, height: 8, channels: 3, background: { r: red, g: 0, b: 0 } } })
      .png()
      .toBuffer();

  it('takes sub-folders as classes, loose images as unlabelled', async () => {
    const path = join(folder, 'pictures');
    for (const name of ['cats', 'dogs']) {
      await mkdir(join(path, name), { recursive: true });
      for (const red of [0, 255]) await writeFile(join(path, name, `${red}.png`), await picture(red));
    }
    await writeFile(join(path, 'loose.png'), await picture(51));
    const data = await openImageFolder({ path, size: 4, channels: 3, validation: 0, test: 0.2, seed: 1 });
    expect(data.classes).toEqual(['cats', 'dogs']);
    expect([data.train.count, data.validation.count, data.test.count]).toEqual([4, 0, 1]);
    const labels = [...data.train.label_N, ...data.test.label_N].sort();
    expect(labels).toEqual([-1, 0, 0, 1, 1]);
    const limited = await openImageFolder({
      path,
      size: 4,
      channels: 3,
      validation: 0.2,
      test: 0.2,
      seed: 1,
      limit: 2,
    });
    expect([limited.train.count, limited.validation.count, limited.test.count]).toEqual([2, 1, 1]);
    const gray = await openImageFolder({ path, size: 4, channels: 1, validation: 0, test: 0, seed: 1 });
    expect((await gray.train.read(all(5))).length).toBe(5 * 16);
  });

  it('names broken images', async () => {
    const path = join(folder, 'broken');
    await mkdir(path);
    await writeFile(join(path, 'fine.png'), await picture(9));
    await writeFile(join(path, 'torn.png'), (await picture(9)).subarray(0, 60));
    const opening = openImageFolder({ path, size: 4, channels: 1, validation: 0, test: 0, seed: 1 });
    await expect(opening).rejects.toThrowError(/broken images: .*torn\.png; expected images that decode/);
  });

  it('refuses an empty folder', async () => {
    const path = join(folder, 'empty');
    await mkdir(path);
    const opening = openImageFolder({ path, size: 4, channels: 1, validation: 0, test: 0, seed: 1 });
    await expect(opening).rejects.toMatchObject({ code: 'too-few-images' });
  });
});

describe('batches', () => {
  it('show every image once an epoch, in an order of each epoch', () => {
    const order = batchOrder(10, { batch: 4, seed: 3 });
    const seen = [0, 1, 2, 3, 4].flatMap((number) => [...order.batch(number)]);
    const [first, second] = [seen.slice(0, 10), seen.slice(10)];
    expect([...first].sort()).toEqual([...all(10)]);
    expect([...second].sort()).toEqual([...all(10)]);
    expect(first).not.toEqual(second);
    expect(order.batch(1)).toEqual(batchOrder(10, { batch: 4, seed: 3 }).batch(1));
    expect(order.batch(0)).not.toEqual(batchOrder(10, { batch: 4, seed: 4 }).batch(0));
  });

  it('shifts images without losing what stays inside', () => {
    const image = { height: 5, width: 5, channels: 1 };
    const pixels = new Float32Array(25 * 40);
    for (let n = 0; n < 40; n++) pixels[25 * n + 12] = 1;
    const shifted = shiftImages(pixels, image, { most: 2, seed: 1, step: 0 });
    const places = Array.from({ length: 40 }, (_, n) => shifted.subarray(25 * n, 25 * n + 25).indexOf(1));
    expect(places.every((place) => place >= 0)).toBe(true);
    expect(new Set(places).size).toBeGreaterThan(12);
  });
});
