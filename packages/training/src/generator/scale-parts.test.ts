import { describe, expect, it } from 'vitest';
import { knownParts } from './scale-parts.ts';

const layout = {
  length: 21,
  scales: [
    { start: 0, height: 1, width: 1 },
    { start: 1, height: 2, width: 2 },
    { start: 5, height: 4, width: 4 },
  ],
};
/** Within each scale the last position first. */
const order = [0, 4, 3, 2, 1, ...Array.from({ length: 16 }, (_, i) => 20 - i)];
const images = 400;
const order_BL = Array.from({ length: images }, () => order).flat();
const known = knownParts(order_BL, layout, { images, number: 7, step: 0, seed: 3 });
const rowOf = (image: number) => known.subarray(image * 21, (image + 1) * 21);

describe('known parts of scales', () => {
  it('are the first tokens of each scale, and never all of them', () => {
    for (let image = 0; image < images; image++) {
      for (const { start, height, width } of layout.scales) {
        const marks = order.slice(start, start + height * width).map((position) => rowOf(image)[position]!);
        expect(marks).toEqual(marks.toSorted((a, b) => b - a));
        expect(marks.at(-1)).toBe(0);
      }
    }
  });

  it('hide the shares that a cosine gives, each scale by itself', () => {
    const hidden = (image: number): number =>
      16 -
      rowOf(image)
        .subarray(5)
        .reduce((sum, one) => sum + one, 0);
    const counts = Array.from({ length: images }, (_, image) => hidden(image));
    // Hidden are at most 8 of 16 where cos(pi/2 u) <= 1/2: for a third of all u. At least 16 above 15/16: for 22.6%.
    expect(counts.filter((count) => count <= 8).length / images).toBeCloseTo(1 / 3, 1);
    expect(counts.filter((count) => count === 16).length / images).toBeCloseTo(0.226, 1);
    const middle = Array.from({ length: images }, (_, image) => rowOf(image)[4]!);
    expect(new Set(middle.map((mark, image) => `${mark} ${counts[image]! > 12}`)).size).toBe(4);
  });

  it('are the same for the same batch, and others for another', () => {
    const again = (number: number) => knownParts(order_BL, layout, { images, number, step: 1, seed: 3 });
    expect(again(7)).toEqual(known);
    expect(again(8)).not.toEqual(known);
  });
});
