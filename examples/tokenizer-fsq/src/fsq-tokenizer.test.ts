import { cases, readConformance } from '@tessera/plugin-kit/conformance';
import * as tf from '@tensorflow/tfjs';
import type { Tensor4D } from '@tensorflow/tfjs';
import { classOf, levelsOf, type FactorSpace, type Weights } from '@tessera/plugin-kit';
import { createEngine } from '@tessera/targets';
import { beforeAll, describe, expect, it } from 'vitest';
import { cosines } from './cosines.ts';
import { fsqTokenizer } from './fsq-tokenizer.ts';

beforeAll(() => tf.setBackend('cpu'));

// What the kit is to know, and cases of your own.
const settings = readConformance(new URL('../conformance.json', import.meta.url));

const weights: Weights = {
  has: () => false,
  param: (name) => {
    throw new Error(`asked for ${name}`);
  },
};

function tokenizerOf(given: object) {
  const config = fsqTokenizer.config.parse(given, 'test');
  return fsqTokenizer.build(config, { engine: createEngine({ target: 'eager' }), weights });
}

describe('fsqTokenizer', () => {
  for (const { name, run } of cases(fsqTokenizer, settings[fsqTokenizer.name])) it(name, run);

  it('rounds the mean of each patch to its levels, and gives back pictures that lie on them', async () => {
    const tokenizer = tokenizerOf({ size: 4, patch: 2, levels: [5, 3] });
    const shades = [0, 0.25, 0.5, 1];
    const image = tf.tensor4d(
      Float32Array.from({ length: 16 }, (_, i) => shades[2 * Math.floor(i / 8) + (Math.floor(i / 2) % 2)]!),
      [1, 4, 4, 1],
    );
    const { values_BlC } = tokenizer.draw(await tokenizer.encode(image));
    const levels = levelsOf(values_BlC, tokenizer.space as FactorSpace);
    expect(await levels.array()).toEqual([
      [
        [0, 1],
        [1, 1],
        [2, 1],
        [4, 1],
      ],
    ]);
    const canvas = tokenizer.openCanvas([{ seed: 1, condition: classOf(0) }], null, 'known');
    const positions_Bl = Int32Array.of(0, 1, 2, 3);
    await canvas.write({ index: 0, of: 1, before: 4, after: 0, positions_Bl }, { values_BlC });
    const { data } = await canvas.render(0);
    const pixels = await (image as Tensor4D).data();
    expect(Math.max(...data.map((value, i) => Math.abs(value - pixels[i]!)))).toBeLessThan(1e-6);
    canvas.dispose();
    tokenizer.dispose();
  });

  it('has no table of all tokens: 64 factors of 256 levels are as light', () => {
    const { space } = tokenizerOf({ size: 8, patch: 8, levels: Array<number>(64).fill(256) });
    expect(space).toMatchObject({ kind: 'factors', channels: 64 });
  });

  it.each([
    [{ size: 6, patch: 4, levels: [2] }, 'a multiple of patch'],
    [{ size: 4, patch: 2, levels: [2, 2, 2, 2, 2] }, 'at most one number of levels for each pixel'],
  ])('refuses %o', (given, sentence) => {
    expect(() => fsqTokenizer.config.parse(given, 'test')).toThrow(sentence);
  });
});

it('has cosines of length 1 at right angles, the mean first', () => {
  const waves = cosines(3, 9);
  for (let a = 0; a < 9; a++)
    for (let b = 0; b < 9; b++)
      expect(waves.reduce((sum, row) => sum + row[a]! * row[b]!, 0)).toBeCloseTo(a === b ? 1 : 0, 9);
  expect(waves.map((row) => row[0])).toEqual(Array<unknown>(9).fill(expect.closeTo(1 / 3, 9)));
});
