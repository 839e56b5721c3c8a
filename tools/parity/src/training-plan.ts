import { TesseraError } from '@tessera/errors';
import type { LearningRate } from '@tessera/training';
import { metadataOf, type CaseFile } from './case-file.ts';

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
