import { mkdtemp, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCheckpoint } from '@tessera/checkpoints';
import { silentProgress } from '@tessera/progress';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noAugmentation } from '../data/augment.ts';
import { byteSplit } from '../data/data-set.ts';
import { pixelTokenizer } from '../testing/pixel-tokenizer.fixture.ts';
import { encodedSplit } from './encoded-split.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-encoded-'));
});
afterAll(() => rm(folder, { recursive: true }));

const image = { height: 2, width: 2, channels: 1 };
const pixels = Uint8Array.from({ length: 4 * 7 }, (_, i) => (i * 37) % 256);
const split = byteSplit({ pixels, label_N: Int32Array.from([0, 1, 0, 1, 0, 1, 0]), image });
// Its tokens are the pixels, so every encoding is known.
const tokenizer = pixelTokenizer.build(pixelTokenizer.config.parse({}, 'x'), { engine: null!, weights: null! });
const encode = (name: string, more: object = {}) =>
  encodedSplit(split, {
    path: join(folder, name),
    tokenizerDigest: 'pixels',
    tokenizer,
    batch: 3,
    progress: () => silentProgress,
    ...more,
  });
const members = Int32Array.of(6, 0, 3, 3);

describe('encodings', () => {
  it('are the same in one tensor and in many, in memory and in their file', async () => {
    const varied = { ...noAugmentation, flips: true, copies: 0, seed: 1 };
    const whole = await encode('whole', { varied });
    const parts = await encode('parts', { varied, part: 32 });
    const file = await openCheckpoint(join(folder, 'parts'));
    expect([...file.tensors.values()].map(({ shape }) => shape[0])).toEqual([2, 2, 2, 2, 2, 2, 2]);
    await file.close();
    const left = await encode('parts', { varied, memoryLimit: 0 });
    const copy = Uint8Array.of(0, 1, 0, 1);
    const expected = await split.read(members);
    for (const [n, mirrored] of copy.entries()) {
      if (mirrored)
        expected.set(
          [1, 0, 3, 2].map((at) => expected[4 * n + at]!),
          4 * n,
        );
    }
    for (const encoded of [whole, parts, left]) {
      expect(encoded).toMatchObject({ count: 7, copies: 2, name: 'moments', shape: [2, 2, 1] });
      expect(encoded.read(members, copy)).toEqual(expected);
    }
  });

  it('of varied copies differ from the image, stay within it, and are the same in every run', async () => {
    const varied = { ...noAugmentation, brightness: 0.5, copies: 2, seed: 1 };
    const one = await encode('varied', { varied });
    const again = await encode('again', { varied });
    const plain = await split.read(members);
    expect(one.copies).toBe(3);
    expect(one.read(members)).toEqual(plain);
    const [first, second] = [1, 2].map((copy) => one.read(members, Uint8Array.of(copy, copy, copy, copy)));
    expect(first).not.toEqual(plain);
    expect(second).not.toEqual(first);
    expect(again.read(members, Uint8Array.of(1, 1, 1, 1))).toEqual(first);
  });

  it('are made again for other copies, and when their file was cut, with a reason', async () => {
    const notes: string[] = [];
    const note = (sentence: string) => void notes.push(sentence);
    const varied = { ...noAugmentation, brightness: 0.5, copies: 1, seed: 1 };
    expect((await encode('varied', { varied, note })).copies).toBe(2);
    await truncate(join(folder, 'whole'), (await stat(join(folder, 'whole'))).size - 4);
    expect((await encode('whole', { varied: { ...varied, brightness: 0, flips: true, copies: 0 }, note })).copies).toBe(
      2,
    );
    expect(notes).toHaveLength(2);
    notes.forEach((sentence) => expect(sentence).toMatch(/is encoded again: /));
  });
});
