import { cases, readConformance } from '@tessera/plugin-kit/conformance';
import { describe, expect, it } from 'vitest';
import { placedBackbone, placesOf } from './placed-backbone.ts';

const settings = readConformance(new URL('../conformance.json', import.meta.url));
const wide = { length: 8, scales: [{ start: 0, height: 2, width: 4 }] };

describe('placedBackbone', () => {
  for (const { name, run } of cases(placedBackbone, settings[placedBackbone.name])) it(name, run);

  it('stretches places with the picture, or goes on beyond the square in its middle', () => {
    expect(placesOf(wide, 'stretch').slice(0, 4)).toEqual([
      [0.25, 0.125],
      [0.25, 0.375],
      [0.25, 0.625],
      [0.25, 0.875],
    ]);
    expect(placesOf(wide, 'middle').slice(0, 4)).toEqual([
      [0.25, -0.25],
      [0.25, 0.25],
      [0.25, 0.75],
      [0.25, 1.25],
    ]);
  });
});
