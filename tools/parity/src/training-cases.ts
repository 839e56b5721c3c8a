import type { Tensor } from '@tensorflow/tfjs';
import type { Param, TrainResult, TrainStep } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import type { LearningRate } from '@tessera/training';
import { type CaseFile, metadataOf, namesAfter, tensorOf } from './case-file.ts';
import type { Checks } from './comparison.ts';
import type { Computed } from './case-tensors.ts';
import { gradient, type GradientPath, largestMagnitude, type Tolerance } from './tolerance.ts';

/** What a training case says about its optimiser, in words. */
export interface TrainingPlan {
  /** Optimiser steps whose results are recorded. */
  readonly steps: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly clip: number;
  readonly learningRate: LearningRate;
  readonly weightDecay: { readonly start: number; readonly end: number; readonly steps: number };
  /** Weight of the newest scale in the progressive losses. */
  readonly newestScale: number;
}

/**
 * Reads the metadata `steps`, whose `optimizer` and `schedule` are phrases such as `AdamW betas .9 .95 eps 1e-8` and
 * `lin0 peak 2e-3 wd .05->.08 wp_it 2 max_it 40 wp0 .005 wpe .01`, and `prog` (`prog_it=3 of prog_wp_it=10`).
 * @throws TesseraError `case-metadata`
 */
export function trainingPlan(file: CaseFile): TrainingPlan {
  const steps = metadataOf(file, 'steps') as { n: number; optimizer: string; clip: number; schedule: string };
  const read = (text: string, pattern: RegExp): RegExpExecArray => {
    const found = pattern.exec(text);
    if (found) return found;
    throw new TesseraError({
      code: 'case-metadata',
      who: file.name,
      got: JSON.stringify(text),
      expected: `a phrase that matches ${pattern.source}`,
    });
  };
  const number = (name: string): number => Number(read(steps.schedule, new RegExp(`\\b${name} (\\S+)`))[1]);
  const [, beta1, beta2] = read(steps.optimizer, /betas (\S+) (\S+)/);
  const [, start, end] = read(steps.schedule, /\bwd ([^\s>-]+)->(\S+)/);
  const total = number('max_it');
  return {
    steps: steps.n,
    betas: [Number(beta1), Number(beta2)],
    eps: Number(read(steps.optimizer, /eps (\S+)/)[1]),
    clip: steps.clip,
    learningRate: {
      shape: read(steps.schedule, /^(\S+)/)[1]!,
      peak: number('peak'),
      warmup: number('wp_it'),
      steps: total,
      startFactor: number('wp0'),
      endFactor: number('wpe'),
    },
    weightDecay: { start: Number(start), end: Number(end), steps: total },
    newestScale: newestScale(file.metadata.get('prog') ?? ''),
  };
}

function newestScale(phrase: string): number {
  const found = /prog_it=([\d.]+) of prog_wp_it=([\d.]+)/.exec(phrase);
  return found ? Math.min(1, Math.max(0.01, Number(found[1]) / Number(found[2]))) : 1;
}

/** One backward pass through a compiled training step. */
export interface Gradients extends TrainResult {
  gradientOf(name: string): Computed;
}

/** After a step from zero that clips nothing, the first moment is the gradient times 1 - beta1. */
export async function gradientsOf(
  step: TrainStep,
  batch: Readonly<Record<string, Tensor>>,
  beta1: number,
): Promise<Gradients> {
  const result = await step.run([batch], { learningRate: 0, weightDecay: 0, emaDecay: 0, key: 0 });
  const state = await step.state();
  const share = 1 - beta1;
  return {
    ...result,
    gradientOf(name) {
      const { data, shape } = state.get(`m.${name}`)!;
      return { data: data.map((value) => value / share), shape };
    },
  };
}

/** What is smaller than this share of a file's largest gradient is rounding: the biases of keys, which softmax cancels. */
const NOTHING = 1e-8;

/** Compares every `grad.*` of a file with the gradient of that name. */
export function checkGradients(
  { file, checks }: { readonly file: CaseFile; readonly checks: Checks },
  { gradientOf }: Pick<Gradients, 'gradientOf'>,
  through: GradientPath,
): void {
  const names = namesAfter(file, 'grad.');
  const largest = Math.max(...names.map((name) => largestMagnitude(tensorOf(file, `grad.${name}`).data)));
  for (const name of names) {
    const { absolute, relative } = gradient(tensorOf(file, `grad.${name}`).data, through);
    checks.check(`grad.${name}`, gradientOf(name), { absolute: absolute + NOTHING * largest, relative });
  }
}

/** Below this share of a tensor's largest gradient, rounding decides what AdamW makes of an element. */
const NEGLIGIBLE = 2e-4;

/**
 * Tolerance of parameters after AdamW steps of these learning rates: 2e-5, but where the gradient is next to nothing the
 * normalised update may differ by as much as the learning rate of each step. Without a gradient all elements are held to
 * the first.
 */
export function afterSteps(
  gradient: ArrayLike<number> | undefined,
  rates: readonly number[],
): (index: number) => Tolerance {
  const strict: Tolerance = { absolute: 2e-5, relative: 1e-6 };
  if (!gradient) return () => strict;
  const loose: Tolerance = { absolute: rates.reduce((sum, rate) => sum + rate, 2e-5), relative: 1e-6 };
  const least = NEGLIGIBLE * largestMagnitude(gradient);
  return (index) => (Math.abs(gradient[index]!) < least ? loose : strict);
}

/** Which parameters decay is part of the recipe. @throws TesseraError `decay-differs` */
export function checkDecay(file: CaseFile, params: readonly Param[]): void {
  if (!file.metadata.has('no_decay_names')) return;
  const expected = (metadataOf(file, 'no_decay_names') as string[]).toSorted();
  const found = params.filter(({ decay }) => !decay).map(({ name }) => name);
  if (found.toSorted().join() === expected.join()) return;
  throw new TesseraError({
    code: 'decay-differs',
    who: file.name,
    got: `${found.length} parameters without weight decay`,
    expected: `these ${expected.length}: ${expected.join(', ')}`,
  });
}
