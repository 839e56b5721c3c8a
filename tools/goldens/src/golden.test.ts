import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { furthest } from './furthest.ts';
import { goldenNames, readGolden } from './golden.ts';
import { goldenWeights } from './golden-weights.ts';

beforeAll(() => tf.setBackend('cpu'));

const spec = { init: { kind: 'zeros' }, decay: false } as const;

describe.each(goldenNames(''))('%s', (name) => {
  const golden = readGolden(name);

  it('says its kind, and names weights that are here', () => {
    expect(golden.metadata['kind']).toMatch(/^[a-z._]+$/);
    const weights = Object.entries(golden.metadata).filter(
      ([key, path]) => key.startsWith('weights') && path !== 'null',
    );
    for (const [, path] of weights) expect(readGolden(path.replace('.safetensors', '')).names).not.toEqual([]);
  });

  it('holds as many numbers as its shapes say, none of them NaN', () => {
    const masks = /^out\.(kept|mask_in)\./; // bytes, which no reader needs
    for (const key of golden.names.filter((key) => !masks.test(key))) {
      const isDouble = name === 'diffusion_tables' && !key.endsWith('.timestep_map');
      const numbers = isDouble ? golden.doubles(key) : golden.numbers(key);
      expect(numbers).toHaveLength(golden.shape(key).reduce((product, side) => product * side, 1));
      expect(numbers.some((value) => Number.isNaN(value))).toBe(false);
    }
  });
});

describe('readGolden', () => {
  it('turns images to NHWC', () => {
    const golden = readGolden('vqvae_tiny');
    const before = tf.memory().numTensors;
    const image = golden.image('in.img');
    expect(golden.shape('in.img')).toEqual([2, 3, 16, 16]);
    expect(image.shape).toEqual([2, 16, 16, 3]);
    const green = golden.numbers('in.img')[256 + 5 * 16 + 7];
    expect(image.dataSync()[(5 * 16 + 7) * 3 + 1]).toBe(green);
    image.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('widens halves', () => {
    const golden = readGolden('weights/vqvae_tiny');
    const weights = golden.numbers('encoder.conv_in.weight') as Float32Array;
    expect(new Set(weights).size).toBeGreaterThan(100);
    // A half has 11 significant bits: scaled to [1024, 2048) each value is whole.
    for (const value of weights.filter((value) => Math.abs(value) > 2 ** -14)) {
      expect(Number.isInteger(value * 2 ** (10 - Math.floor(Math.log2(Math.abs(value)))))).toBe(true);
    }
  });

  it('refuses what it does not have or cannot read', () => {
    expect(() => readGolden('interp').numbers('out.x')).toThrow('no tensor out.x');
    expect(() => readGolden('topk_topp').numbers('out.kept.0')).toThrow('of U8');
    expect(() => readGolden('diffusion_tables').numbers('10.betas')).toThrow('of F64');
    expect(() => readGolden('interp').doubles(readGolden('interp').names[0]!)).toThrow('expected F64');
  });
});

describe('goldenWeights', () => {
  it('remembers what it gave, and disposes it', () => {
    const before = tf.memory().numTensors;
    const weights = goldenWeights(readGolden('weights/var_tiny'), (name) => `head.${name}`);
    expect([weights.has('weight'), weights.has('head.weight')]).toEqual([true, false]);
    const tensor = weights.param('weight', [64, 64], spec);
    expect([...weights.taken]).toEqual([['weight', { spec, tensor }]]);
    expect(() => weights.param('bias', [63], spec)).toThrow('[64] in the file');
    weights.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('furthest', () => {
  it('is the largest difference, and refuses to compare different lengths', () => {
    expect(furthest([1, 2, 3], [1, -2, 2])).toBe(4);
    expect(furthest([1, NaN], [1, 2])).toBeNaN();
    expect(() => furthest([1], [1, 2])).toThrow('1 numbers against 2');
  });
});
