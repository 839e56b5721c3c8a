import type { CaseRunner } from '../case-runner.ts';
import { diffusionTablesRunner } from './diffusion-tables.ts';
import { filterRunner } from './filter.ts';
import { interpGradRunner, interpRunner } from './interp.ts';
import { klvaeRunner } from './klvae.ts';
import { marPsampleRunner, marPstepsRunner } from './mar-chain.ts';
import { marLossRunner } from './mar-loss.ts';
import { marNetRunner } from './mar-net.ts';
import { marSampleRunner } from './mar-sample.ts';
import { marTrainRunner } from './mar-train.ts';
import { quantizerRunner } from './quantizer.ts';
import { varEditRunner, varInferRunner } from './var-infer.ts';
import { varTeacherForcingRunner } from './var-teacher-forcing.ts';
import { varTrainRunner } from './var-train.ts';
import { vqvaeLayersRunner } from './vqvae-layers.ts';
import { vqvaeTrainRunner } from './vqvae-train.ts';
import { vqvaeRunner } from './vqvae.ts';

/** One runner per kind of case file. */
export const runners: readonly CaseRunner[] = [
  interpRunner,
  interpGradRunner,
  quantizerRunner,
  filterRunner,
  vqvaeRunner,
  vqvaeLayersRunner,
  vqvaeTrainRunner,
  varTeacherForcingRunner,
  varInferRunner,
  varEditRunner,
  varTrainRunner,
  klvaeRunner,
  diffusionTablesRunner,
  marNetRunner,
  marPstepsRunner,
  marPsampleRunner,
  marLossRunner,
  marSampleRunner,
  marTrainRunner,
];
