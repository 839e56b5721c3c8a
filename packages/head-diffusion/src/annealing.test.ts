import { describe, expect, it } from 'vitest';
import { annealedSteps, evenPlaces } from './annealing.ts';
import { openChain } from './chain.ts';
import { diffusionTables } from './diffusion-tables.ts';
import { keptTimesteps } from './respacing.ts';

describe('annealedSteps', () => {
  const over = (steps: number, lateSteps: number, of: number) =>
    Array.from({ length: of }, (_, index) => annealedSteps({ steps, lateSteps }, { index, of }));

  it('falls from the whole chain to its late length in equal strides', () => {
    expect(over(25, 5, 6)).toEqual([25, 21, 17, 13, 9, 5]);
    expect(over(10, 9, 4)).toEqual([10, 10, 9, 9]);
  });

  it('stays at the whole chain where it is off, and in an order of one step', () => {
    expect(over(25, 0, 3)).toEqual([25, 25, 25]);
    expect(over(25, 5, 1)).toEqual([25]);
  });
});

describe('evenPlaces', () => {
  it('are distinct and ascend from the first to the last, at gaps that differ by one at most', () => {
    for (const steps of [2, 3, 25, 100, 1000]) {
      for (let count = 2; count <= steps; count++) {
        const places = evenPlaces(steps, count);
        const gaps = [...places.subarray(1)].map((place, i) => place - places[i]!);
        expect([places[0], places.at(-1)]).toEqual([0, steps - 1]);
        expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1);
        expect(Math.max(...gaps) - Math.min(...gaps)).toBeLessThanOrEqual(1);
      }
    }
  });

  it('are all of a chain as long', () => expect([...evenPlaces(1, 1), ...evenPlaces(3, 3)]).toEqual([0, 0, 1, 2]));
});

describe('a shortened chain', () => {
  const whole = diffusionTables(keptTimesteps('ddim25'));
  const places = evenPlaces(25, 4);
  const short = diffusionTables(places.map((place) => whole.timestepMap[place]!));

  it('keeps timesteps of the whole one, with their share of signal', () => {
    expect([...short.timestepMap]).toEqual([0, 320, 640, 960]);
    for (const [own, place] of places.entries()) {
      expect(short.alphasCumprod[own]! / whole.alphasCumprod[place]! - 1).toBeCloseTo(0, 12);
    }
  });

  it('goes from step to step by tables of its own', () => {
    // beta is what is lost between two kept timesteps, and x_0 alone is left at the end.
    expect(short.betas[2]).toBeCloseTo(1 - whole.alphasCumprod[16]! / whole.alphasCumprod[8]!, 12);
    expect(short.posteriorMeanCoef1[0]).toBeCloseTo(1, 12);
    const chain = openChain(short.timestepMap);
    expect(chain.steps).toBe(4);
    expect(chain.remove[3]).not.toBeCloseTo(openChain(whole.timestepMap).remove[24]!, 3);
  });
});
