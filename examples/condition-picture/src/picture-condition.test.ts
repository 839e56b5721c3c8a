import { pictureText, type Layout } from '@tessera/plugin-kit';
import { cases, readConformance } from '@tessera/plugin-kit/conformance';
import { describe, expect, it } from 'vitest';
import { areaWeights } from './area-weights.ts';
import { pictureCondition } from './picture-condition.ts';

// What the kit is to know, and cases of your own.
const settings = readConformance(new URL('../conformance.json', import.meta.url));

const config = pictureCondition.config.parse({ side: 2 }, 'test');
const input = pictureCondition.input(config);
const small = pictureText({ data: new Uint8Array(3), height: 1, width: 1, channels: 3 });

describe('pictureCondition', () => {
  for (const { name, run } of cases(pictureCondition, settings[pictureCondition.name])) it(name, run);

  it.each([
    ['no picture', {}, 'no picture; expected a picture of 2 x 2 pixels'],
    ['a text', { picture: 'a red hat' }, 'picture = "a red hat"; expected a picture of 2 x 2 pixels'],
    ['another size', { picture: small }, 'a picture of 1 x 1 pixels; expected 2 x 2 pixels'],
  ])('refuses %s', (_name, value, said) => {
    expect(() => input.parse(value, 'a model')).toThrow(said);
  });

  it('has no pictures of two channels', () => {
    expect(() => pictureCondition.config.parse({ side: 2, channels: 2 }, 'a model')).toThrow('1 or 3');
  });
});

describe('areaWeights', () => {
  const layout: Layout = {
    length: 11,
    scales: [
      { start: 0, height: 1, width: 2 },
      { start: 2, height: 3, width: 3 },
    ],
  };

  it('gives each token the pixels under it, as far as they lie there', () => {
    const weights_LP = areaWeights(layout, 2);
    expect(weights_LP).toHaveLength(layout.length);
    expect(weights_LP[0]).toEqual([0.5, 0, 0.5, 0]);
    expect(weights_LP[1]).toEqual([0, 0.5, 0, 0.5]);
    const corner = weights_LP[2]!;
    expect(corner[0]).toBeCloseTo(1);
    expect(weights_LP[6]).toEqual([0.25, 0.25, 0.25, 0.25].map((share) => expect.closeTo(share) as number));
    for (const row of weights_LP) expect(row.reduce((sum, one) => sum + one, 0)).toBeCloseTo(1);
  });
});
