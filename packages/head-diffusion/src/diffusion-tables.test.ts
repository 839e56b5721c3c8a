import { isTesseraError } from '@tessera/errors';
import { readGolden } from '@tessera/goldens';
import { describe, expect, it } from 'vitest';
import { diffusionTables, type DiffusionTables } from './diffusion-tables.ts';
import { keptTimesteps } from './respacing.ts';

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
