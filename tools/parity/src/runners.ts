import type { CaseRunner } from './comparison.ts';
import { diffusionTablesRunner, filterRunner, interpGradRunner, interpRunner } from './runners/formulas.ts';
import { klvaeRunner } from './runners/kl.ts';
import { marPsampleRunner, marPstepsRunner } from './runners/mar-chain.ts';
import { marNetRunner } from './runners/mar-denoiser.ts';
import { marSampleRunner } from './runners/mar-generation.ts';
import { marLossRunner } from './runners/mar-loss.ts';
import { marTrainRunner } from './runners/mar-training.ts';
import { varEditRunner, varInferRunner } from './runners/var-generation.ts';
import { varTeacherForcingRunner } from './runners/var-layers.ts';
import { varTrainRunner } from './runners/var-training.ts';
import { vqvaeTrainRunner } from './runners/vq-training.ts';
import { quantizerRunner, vqvaeLayersRunner, vqvaeRunner } from './runners/vq.ts';

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
