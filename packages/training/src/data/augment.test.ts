import { describe, expect, it } from 'vitest';
import { augmentImages, noAugmentation } from './augment.ts';
import { drawFlips, flipImages } from './batches.ts';

const image = { height: 5, width: 5, channels: 3 };
const size = 75;
const key = { seed: 3, number: 7 };
const pixels = Float32Array.from({ length: 20 * size }, (_, i) => ((i * 7919) % 1000) / 1000);

describe('augmentation', () => {
  it('changes nothing without an amount, and mirrors as before', () => {
    expect(augmentImages(pixels, image, { ...noAugmentation, key })).toBe(pixels);
    const flipped = augmentImages(pixels, image, { ...noAugmentation, flips: true, key });
    expect(flipped).toEqual(flipImages(pixels, image, drawFlips(20, key)));
  });

  it('depends on seed and number alone, and on both', () => {
    const all = { flips: true, shift: 2, brightness: 0.3, contrast: 0.3, saturation: 0.3, hue: 0.1 };
    const one = augmentImages(pixels, image, { ...all, key });
    expect(augmentImages(pixels.slice(), image, { ...all, key: { ...key } })).toEqual(one);
    expect(augmentImages(pixels, image, { ...all, key: { ...key, number: 8 } })).not.toEqual(one);
    expect(augmentImages(pixels, image, { ...all, key: { ...key, seed: 4 } })).not.toEqual(one);
    expect(one.every((value) => value >= 0 && value <= 1)).toBe(true);
  });

  it('moves by whole pixels and repeats the edges', () => {
    const moved = augmentImages(pixels, image, { ...noAugmentation, shift: 2, key });
    const offsets = new Set<string>();
    for (let n = 0; n < 20; n++) {
      const at = (from: Float32Array, y: number, x: number) => from[n * size + (y * 5 + x) * 3]!;
      const edge = (place: number) => Math.min(4, Math.max(0, place));
      const places = [-2, -1, 0, 1, 2].flatMap((down) => [-2, -1, 0, 1, 2].map((right) => [down, right] as const));
      const fits = places.filter(([down, right]) =>
        [0, 1, 2, 3, 4].every((y) =>
          [0, 1, 2, 3, 4].every((x) => at(moved, y, x) === at(pixels, edge(y - down), edge(x - right))),
        ),
      );
      expect(fits).toHaveLength(1);
      offsets.add(String(fits[0]));
    }
    expect(offsets.size).toBeGreaterThan(8);
  });

  it('keeps the mean of gray in contrast, gray itself in saturation and hue, and scales in brightness', () => {
    const gray = new Float32Array(20 * size).fill(0.4);
    for (const amount of [{ contrast: 0.9 }, { saturation: 0.9 }, { hue: 0.5 }]) {
      const out = augmentImages(gray, image, { ...noAugmentation, ...amount, key });
      out.forEach((value) => expect(value).toBeCloseTo(0.4, 5));
    }
    const lit = augmentImages(gray, image, { ...noAugmentation, brightness: 0.5, key });
    const factors = Array.from({ length: 20 }, (_, n) => lit[n * size]! / 0.4);
    expect(Math.min(...factors)).toBeGreaterThanOrEqual(0.5);
    expect(Math.max(...factors)).toBeLessThanOrEqual(1.5);
    expect(Math.max(...factors) - Math.min(...factors)).toBeGreaterThan(0.5);
  });

  it('turns red to green by a third of the circle', () => {
    const red = Float32Array.from({ length: 20 * size }, (_, i) => (i % 3 === 0 ? 0.6 : 0));
    const out = augmentImages(red, image, { ...noAugmentation, hue: 0.5, key });
    const pure = Array.from({ length: 20 }, (_, n) => out.subarray(n * size, n * size + 3));
    // The axis of gray keeps the sum of the channels, before values are cut.
    expect(pure.some(([r, g, b]) => g! > r! && g! > b!)).toBe(true);
    expect(pure.some(([r, g, b]) => b! > r! && b! > g!)).toBe(true);
  });

  it('takes gray images, too', () => {
    const one = { height: 5, width: 15, channels: 1 };
    const out = augmentImages(pixels, one, { ...noAugmentation, brightness: 0.2, contrast: 0.2, shift: 1, key });
    expect(out).toHaveLength(pixels.length);
    expect(out).not.toEqual(pixels);
  });
});
