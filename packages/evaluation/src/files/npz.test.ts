import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byteSource, type ImageSource } from '../images/image-source.ts';
import { openNpzImages, saveNpzImages } from '../images/npz-images.ts';
import { readStatistics, requireSameManner, writeStatistics } from '../measure/statistics-file.ts';
import { openNpz } from './npz.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/${name}.npz`, import.meta.url));
const refusal = (code: string, words: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(words) });
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-npz-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function bytesOf(images: ImageSource, size: number): Promise<number[]> {
  const all: number[] = [];
  for await (const bytes of images.batches(size)) all.push(...bytes);
  return all;
}

describe('files of NumPy', () => {
  const bytes = Array.from({ length: 90 }, (_, i) => i);

  it('hold images and labels', async () => {
    const images = await openNpzImages(fixture('images'), 3);
    expect(images).toMatchObject({ count: 5, image: { height: 2, width: 3, channels: 3 } });
    expect([...images.label_N!]).toEqual([1, 0, 2, 1, 0]);
    expect(await bytesOf(images, 2)).toEqual(bytes);
    expect(await bytesOf(images, 100)).toEqual(bytes);
  });

  it('hold compressed images', async () => {
    const images = await openNpzImages(fixture('compressed'), 3);
    expect([images.count, images.label_N]).toEqual([500, null]);
    const all = await bytesOf(images, 7);
    expect([all.length, all.slice(100 * 18, 101 * 18)]).toEqual([9000, bytes.slice(18, 36)]);
  });

  it('hold statistics', async () => {
    const { facts, reference } = await readStatistics(fixture('statistics'));
    expect([facts, reference.spatial, reference.measured]).toEqual([null, null, null]);
    expect([...reference.gaussian.mean_D]).toEqual([1, 2]);
    expect([...reference.gaussian.covariance_DD]).toEqual([2, 0.5, 0.5, 1]);
  });

  it('are refused where they hold objects of Python or nothing that is asked for', async () => {
    await expect(readStatistics(fixture('objects'))).rejects.toThrow(refusal('npy-type', 'never executed'));
    await expect(readStatistics(fixture('images'))).rejects.toThrow(refusal('npz-array-missing', 'arr_0, arr_1'));
    await expect(openNpzImages(fixture('statistics'), 3)).rejects.toThrow(refusal('npz-array-missing', 'arr_0'));
    await expect(openNpzImages(fixture('images'), 1).then((images) => bytesOf(images, 5))).rejects.toThrow(
      refusal('npz-coloured', 'gray'),
    );
  });
});

describe('damaged files', () => {
  const damaged = async (name: string, change: (bytes: Buffer) => Buffer) => {
    const path = join(folder, 'damaged.npz');
    await writeFile(path, change(await readFile(fixture(name))));
    return openNpzImages(path, 3).then((images) => bytesOf(images, 5));
  };

  it.each([
    ['cut off', (bytes: Buffer) => bytes.subarray(0, bytes.length - 30), 'damaged archive'],
    ['no archive', () => Buffer.from('not a zip file at all, but some text'), 'damaged archive'],
    ['fewer numbers than its header says', swap("'shape': (5, ", "'shape': (6, "), 'where its header says'],
    ['another type', swap("'|u1'", "'<f4'"), 'where its header says'],
    ['no header', swap('NUMPY', 'NUMPX'), 'no array of NumPy'],
    ['a changed pixel', swap('\x04\x05\x06', '\x04\x07\x06'), 'checksum'],
  ])('are refused: %s', async (_, change, words) => {
    await expect(damaged('images', change)).rejects.toThrow(words);
  });

  it('a compressed entry whose bytes are damaged', async () => {
    const change = (bytes: Buffer) => (bytes.fill(0xff, 80, 120), bytes);
    await expect(damaged('compressed', change)).rejects.toThrow(/compressed|damaged/);
  });

  it('a missing one', async () => {
    await expect(openNpz(join(folder, 'missing.npz'))).rejects.toThrow(refusal('npz-unreadable', 'no readable file'));
  });
});

/** Changes text of one length in the bytes. */
function swap(from: string, to: string): (bytes: Buffer) => Buffer {
  return (bytes) => Buffer.from(bytes.toString('latin1').replace(from, to), 'latin1');
}

describe('files that are written', () => {
  it('give the same images and labels again; gray ones in three channels', async () => {
    const path = join(folder, 'deep', 'gray.npz');
    const pixels = Uint8Array.from({ length: 600 * 4 }, (_, i) => i % 251);
    const image = { height: 2, width: 2, channels: 1 };
    const label_N = Int32Array.from({ length: 600 }, (_, n) => n % 7);
    await saveNpzImages(path, byteSource({ name: 'gray', image, label_N, pixels }));
    expect((await openNpzImages(path, 3)).image.channels).toBe(3);
    const again = await openNpzImages(path, 1);
    expect(await bytesOf(again, 100)).toEqual([...pixels]);
    expect(again.label_N).toEqual(label_N);
  });

  it('say what statistics were computed with, and other manners are refused', async () => {
    const path = join(folder, 'statistics.npz');
    const image = { height: 8, width: 8, channels: 3 };
    const network = { name: 'net', sha256: 'ab'.repeat(32), input: 'as they are', dims: 2 };
    const gaussian = { count: 50, mean_D: Float64Array.of(1, 2), covariance_DD: Float64Array.of(2, 0, 0, 1) };
    const facts = { network: 'net', sha256: network.sha256, input: network.input, image, images: 50 };
    await writeStatistics(path, { facts, reference: { gaussian, spatial: gaussian, measured: null } });
    const read = await readStatistics(path);
    expect(read).toEqual({ facts, reference: { gaussian, spatial: gaussian, measured: null } });
    expect(() => requireSameManner(read, { network, image }, path)).not.toThrow();
    const other = (manner: object) => () =>
      requireSameManner(read, { network: { ...network, ...manner }, image: { ...image, ...manner } }, path);
    expect(other({ sha256: 'cd'.repeat(32) })).toThrow(refusal('protocols-differ', 'the network net abababababab'));
    expect(other({ input: 'scaled' })).toThrow(refusal('protocols-differ', 'prepared by "as they are"'));
    expect(other({ dims: 3 })).toThrow(refusal('protocols-differ', 'statistics of 2 features'));
    expect(other({ height: 16 })).toThrow(refusal('protocols-differ', 'images of 8 x 8 x 3'));
  });
});
