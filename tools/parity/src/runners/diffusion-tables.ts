import { diffusionTables, keptTimesteps, type DiffusionTables } from '@tessera/head-diffusion';
import type { CaseRunner } from '../case-runner.ts';
import { exact, table } from '../tolerance.ts';

/** How case files call the chain of training. */
const TRAINED = /^train\d+$/;

/** `posterior_mean_coef1` of a case file is our `posteriorMeanCoef1`. */
const ownName = (name: string) => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());

/** Noise schedules and their respacings, in float64. */
export const diffusionTablesRunner: CaseRunner = {
  kind: 'diffusion.tables',
  expects: () => true,
  async run(file, { checks }) {
    const chains = new Map<string, DiffusionTables>();
    for (const name of file.tensors.keys()) {
      const dot = name.lastIndexOf('.');
      const [chain, column] = [name.slice(0, dot), ownName(name.slice(dot + 1))];
      const tables = chains.get(chain) ?? diffusionTables(keptTimesteps(TRAINED.test(chain) ? '' : chain));
      chains.set(chain, tables);
      if (!Object.hasOwn(tables, column)) continue;
      const data = tables[column as keyof DiffusionTables];
      checks.check(name, { data, shape: [data.length] }, column === 'timestepMap' ? exact : table);
    }
  },
};
