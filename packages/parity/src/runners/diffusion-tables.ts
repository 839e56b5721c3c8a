import { diffusionTables, type DiffusionTables } from '@tessera/head-diffusion';
import type { CaseRunner } from '../case-runner.ts';
import { exact, table } from '../tolerance.ts';

/** How case files call the chain of training. */
const TRAINED = /^train\d+$/;

/** Tables by the names of case files: `10,0.posterior_mean_coef1`. */
const TABLES: Readonly<Record<string, keyof DiffusionTables>> = {
  betas: 'betas',
  alphas_cumprod: 'alphasCumprod',
  sqrt_alphas_cumprod: 'sqrtAlphasCumprod',
  sqrt_one_minus_alphas_cumprod: 'sqrtOneMinusAlphasCumprod',
  sqrt_recip_alphas_cumprod: 'sqrtRecipAlphasCumprod',
  sqrt_recipm1_alphas_cumprod: 'sqrtRecipm1AlphasCumprod',
  posterior_variance: 'posteriorVariance',
  posterior_log_variance_clipped: 'posteriorLogVarianceClipped',
  posterior_mean_coef1: 'posteriorMeanCoef1',
  posterior_mean_coef2: 'posteriorMeanCoef2',
  timestep_map: 'timestepMap',
};

/** Noise schedules and their respacings, in float64. */
export const diffusionTablesRunner: CaseRunner = {
  kind: 'diffusion.tables',
  expects: () => true,
  async run(file, { checks }) {
    const chains = new Map<string, DiffusionTables>();
    for (const name of file.tensors.keys()) {
      const dot = name.lastIndexOf('.');
      const [chain, column] = [name.slice(0, dot), TABLES[name.slice(dot + 1)]];
      if (column === undefined) continue;
      const tables = chains.get(chain) ?? diffusionTables(TRAINED.test(chain) ? '' : chain);
      chains.set(chain, tables);
      const data = tables[column];
      checks.check(name, { data, shape: [data.length] }, column === 'timestepMap' ? exact : table);
    }
  },
};
