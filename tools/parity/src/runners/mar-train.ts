import * as tf from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import { knownTokens } from '@tessera/training';
import { afterSteps } from '../after-steps.ts';
import { metadataOf, namesAfter, type CaseFile } from '../case-file.ts';
import type { CaseRunner } from '../case-runner.ts';
import { checkDecay } from '../decay-check.ts';
import { lessonBatch, lessonStep } from '../mar-lesson.ts';
import { openMarParts } from '../mar-parts.ts';

/** Several optimiser steps of masked generation, with clipping and averaged weights. */
export const marTrainRunner: CaseRunner = {
  kind: 'mar.train',
  async run(file, { checks, engine }) {
    const parts = await openMarParts(file, { engine, train: true });
    checkDecay(file, parts.weights.params);
    const plan = optimiserOf(file);
    const rates = metadataOf(file, 'mask_rates') as number[];
    const lrs = metadataOf(file, 'lrs') as number[];
    const counts = rates.map((rate) => knownTokens(parts.sizes.length, rate));
    // One program for all cuts: what is not yet known hides behind a mask.
    const bounds = { least: Math.min(...counts), most: Math.max(...counts) };
    const { betas, eps, clip } = plan;
    const step = lessonStep(engine, parts, { bounds, betas, eps, clip, ema: true });
    for (const [i, maskRate] of rates.entries()) {
      const batch = lessonBatch(file, parts, { suffix: `.${i}`, maskRate, bounds });
      const hyper = { learningRate: lrs[i]!, weightDecay: plan.weightDecay, emaDecay: plan.emaDecay, key: i };
      const { loss, gradNorm } = await step.run([batch], hyper);
      checks.checkNumber(`out.loss.${i}`, loss, { absolute: 0, relative: 1e-4 });
      checks.checkNumber(`out.grad_norm.${i}`, gradNorm, { absolute: 0, relative: 1e-3 });
      tf.dispose(batch);
    }
    const state = await step.state();
    for (const [kind, ours] of [
      ['after', 'param'],
      ['ema', 'ema'],
    ] as const) {
      for (const name of namesAfter(file, `out.${kind}.`)) {
        const tolerance = afterSteps(state.get(`m.${name}`)!.data, lrs);
        checks.check(`out.${kind}.${name}`, state.get(`${ours}.${name}`)!, tolerance);
      }
    }
    step.dispose();
    parts.dispose();
  },
};

/** Reads a phrase such as `AdamW betas .9 .95 eps 1e-8, wd 0.02 on decay group, clip 3.0, EMA rate 0.9`. */
function optimiserOf(file: CaseFile) {
  const phrase = file.metadata.get('optimizer') ?? '';
  const read = (pattern: RegExp): number[] => {
    const found = pattern.exec(phrase);
    if (found) return found.slice(1).map(Number);
    throw new TesseraError({
      code: 'case-metadata',
      who: file.name,
      got: JSON.stringify(phrase),
      expected: `a phrase that matches ${pattern.source}`,
    });
  };
  const number = '([\\d.]+(?:e[+-]?\\d+)?)';
  const after = (name: string, count = 1): number[] =>
    read(new RegExp(`\\b${name} ${Array.from({ length: count }, () => number).join(' ')}`));
  return {
    betas: after('betas', 2) as [number, number],
    eps: after('eps')[0]!,
    weightDecay: after('wd')[0]!,
    clip: after('clip')[0]!,
    emaDecay: after('EMA rate')[0]!,
  };
}
