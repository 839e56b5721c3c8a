import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import type { Engine, TrainStep } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { nextScaleLoss, type ScaleBatch } from '@tessera/training';
import type { CaseConfig } from './case-config.ts';
import { tensorOf, type CaseFile, type CaseTensor } from './case-file.ts';
import type { Computed } from './comparison.ts';
import { gradientsOf, type Gradients } from './gradients.ts';
import { nullLabels } from './null-labels.ts';
import { recordedTrace } from './recorded-trace.ts';
import { floatTensor, indexTensor } from './tensors.ts';
import type { TrainingPlan } from './training-plan.ts';
import type { VarParts } from './var-parts.ts';

/** The official label drop. */
const LABEL_DROP = 0.1;
/** Branches of a block, in the order in which drop path asks for them. */
const BRANCHES = ['attention', 'feed-forward'] as const;

/** A training case with its parts. */
export interface TrainingCase {
  readonly file: CaseFile;
  readonly engine: Engine;
  readonly parts: VarParts;
  readonly plan: TrainingPlan;
  /** Tokens of the case's images. */
  readonly index_BL: Tensor;
}

export interface StepOptions {
  readonly clip: number | null;
  /** Scales that are trained; left out: all. */
  readonly scales?: number;
}

/** A training step whose random numbers come from its batch. */
export function openStep({ engine, parts, plan }: TrainingCase, { clip, scales }: StepOptions): TrainStep {
  const loss = nextScaleLoss(parts, { labelDrop: LABEL_DROP, ...(scales !== undefined && { scales }) });
  return engine.compileTrainStep({
    name: 'parity.var',
    params: parts.weights.params,
    loss: (batch) => {
      const { loss: own } = loss(batch as unknown as ScaleBatch, recordedTrace(batch));
      return { loss: tf.mul(own, batch['gain']!) };
    },
    betas: plan.betas,
    eps: plan.eps,
    clip,
    ema: false,
  });
}

export interface BatchOptions {
  /** Keep masks of one backward pass, in the order of the official calls. */
  readonly masks: readonly CaseTensor[];
  readonly weight_L: Float32Array;
  /** Factor on the loss. */
  readonly gain?: number;
}

/** Drop-path masks become uniform numbers that are kept or dropped at any rate. */
export function batchOf(
  { file, parts, index_BL }: TrainingCase,
  { masks, weight_L, gain = 1 }: BatchOptions,
): Record<string, Tensor> {
  const label_B = indexTensor(nullLabels(tensorOf(file, 'in.label'), parts.classes));
  const streams = dropPathStreams(parts.config);
  if (masks.length !== streams.length) refuseMasks(file, masks.length, streams.length);
  return {
    index_BL,
    label_B,
    gain: floatTensor({ data: [gain], shape: [] }),
    weight_L: floatTensor({ data: weight_L, shape: [weight_L.length] }),
    'label-drop': floatTensor(tensorOf(file, 'rand.label_drop')),
    ...Object.fromEntries(streams.map((stream, i) => [stream, floatTensor(uniformsOf(masks[i]!))])),
  };
}

/** One stream for each branch that may be dropped: rates rise from 0, so that the first block has none. */
function dropPathStreams(config: CaseConfig): string[] {
  if (Number(config['drop_path_rate'] ?? 0) === 0) return [];
  const blocks = Array.from({ length: Number(config['depth']) - 1 }, (_, i) => i + 1);
  return blocks.flatMap((block) => BRANCHES.map((branch) => `drop-path.${block}.${branch}`));
}

function refuseMasks(file: CaseFile, found: number, wanted: number): never {
  throw new TesseraError({
    code: 'case-masks',
    who: file.name,
    got: `${found} keep masks for a pass`,
    expected: `${wanted}: one for each branch of the blocks whose drop-path rate is not 0`,
  });
}

export function disposeBatch(batch: Readonly<Record<string, Tensor>>): void {
  for (const [name, tensor] of Object.entries(batch)) if (name !== 'index_BL') tensor.dispose();
}

export interface Pass {
  readonly scales?: number;
  readonly weight_L: Float32Array;
  readonly masks: readonly CaseTensor[];
}

export async function backward(training: TrainingCase, { scales, weight_L, masks }: Pass): Promise<Gradients> {
  const step = openStep(training, { clip: null, ...(scales !== undefined && { scales }) });
  const batch = batchOf(training, { masks, weight_L });
  const gradients = await gradientsOf(step, batch, training.plan.betas[0]);
  disposeBatch(batch);
  step.dispose();
  return gradients;
}

/** A keep mask as uniform numbers that drop path keeps or drops at any rate. */
function uniformsOf({ data, shape }: CaseTensor): Computed {
  return { data: Float32Array.from(data, (kept) => 1 - kept), shape };
}
