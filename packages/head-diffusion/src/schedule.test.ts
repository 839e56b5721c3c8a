import { isTesseraError } from '@tessera/errors';
import { readGolden } from '@tessera/goldens';
import { describe, expect, it } from 'vitest';
import {
  annealedSteps,
  diffusionTables,
  evenPlaces,
  keptTimesteps,
  openChain,
  type DiffusionTables,
} from './schedule.ts';

const recorded = readGolden('diffusion_tables');
/** `posterior_mean_coef1` of the file is our `posteriorMeanCoef1`. */
const ownName = (name: string) => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
const chains = [...new Set(recorded.names.map((name) => name.slice(0, name.lastIndexOf('.'))))];

describe('diffusionTables', () => {
  it.each(chains)('gives what was recorded for %s', (chain) => {
    const tables = diffusionTables(keptTimesteps(chain === 'train1000' ? '' : chain));
    expect([...tables.timestepMap]).toEqual([...recorded.numbers(`${chain}.timestep_map`)]);
    const columns = recorded.names.filter((name) => name.startsWith(`${chain}.`) && !name.endsWith('.timestep_map'));
    expect(columns).toHaveLength(10);
    for (const column of columns) {
      const expected = recorded.doubles(column);
      const ours = tables[ownName(column.slice(chain.length + 1)) as keyof DiffusionTables];
      const far = Array.from(ours, (value, i) => Math.abs(value - expected[i]!) / (Math.abs(expected[i]!) || 1));
      expect(Math.max(...far), column).toBeLessThan(1e-12);
    }
  });

  it('has all twelve chains', () => expect(chains).toHaveLength(12));
});

describe('keptTimesteps', () => {
  it('rounds halves to even, as the chain that published models are sampled with', () => {
    expect([...keptTimesteps('3')]).toEqual([0, 500, 999]);
    expect([...keptTimesteps('1')]).toEqual([0]);
    expect(keptTimesteps('1000')).toHaveLength(1000);
    expect([...keptTimesteps('0,0,2')]).toEqual([667, 999]);
    expect([...keptTimesteps('ddim7')]).toEqual([0, 143, 286, 429, 572, 715, 858]);
  });

  it.each([
    ['0', 'expected at least one step'],
    ['0,0', 'expected at least one step'],
    ['1001', 'expected at most 1000 steps'],
    ['10,501', 'expected at most 500 steps in section 2 of 2'],
    ['335,10,10', 'expected at most 334 steps in section 1 of 3'],
    ['ddim300', 'that a whole stride through 1000 gives'],
    ['ddim', 'that a whole stride'],
    ['ddim1', 'that a whole stride'],
    ['a', 'expected a number of steps'],
    ['10,', 'expected a number of steps'],
    ['-5', 'expected a number of steps'],
    ['1e2', 'expected a number of steps'],
    ['9'.repeat(5000), 'expected at most 1000 steps'],
  ])('refuses %s', (respacing, words) => {
    let caught: unknown;
    try {
      keptTimesteps(respacing);
    } catch (error) {
      caught = error;
    }
    expect(isTesseraError(caught) && caught.code).toBe('respacing-misfit');
    expect((caught as Error).message).toContain(words);
    expect((caught as Error).message.length).toBeLessThan(250);
  });
});

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

/** The posterior of x_s given x_t and x_0 by Bayes' rule for two Gaussians, of the noise level of the cosine schedule alone. */
describe.each(['7', '25', '50', '100', '1000', '10,15,20', 'ddim25', 'ddim50'])('the chain %s', (respacing) => {
  const left = (u: number) => Math.cos((((u + 0.008) / 1.008) * Math.PI) / 2) ** 2;
  const betas = Array.from({ length: 1000 }, (_, i) => Math.min(0.999, 1 - left((i + 1) / 1000) / left(i / 1000)));
  const signal = (timestep: number) => betas.slice(0, timestep + 1).reduce((product, beta) => product * (1 - beta), 1);

  it('steps as the posterior says', () => {
    const chain = openChain(keptTimesteps(respacing));
    const [x, noise, v] = [0.7, -0.4, 0.2];
    for (let step = 1; step < chain.steps; step++) {
      const [now, next] = [signal(chain.timesteps[step]!), signal(chain.timesteps[step - 1]!)];
      const clean = (x - Math.sqrt(1 - now) * noise) / Math.sqrt(now);
      const [kept, added] = [now / next, 1 - now / next];
      const variance = 1 / (1 / (1 - next) + kept / added);
      const mean = variance * ((Math.sqrt(next) * clean) / (1 - next) + (Math.sqrt(kept) * x) / added);
      expect((chain.keep[step]! * x - chain.remove[step]! * noise) / mean).toBeCloseTo(1, 8);
      const log = ((1 - v) / 2) * Math.log(variance) + ((1 + v) / 2) * Math.log(added);
      expect(chain.base[step]! + ((1 + v) / 2) * chain.range[step]!).toBeCloseTo(log, 8);
    }
  });
});
