import type { PredictionShape, SampleContext } from '@tessera/core';
import { guidedNumber } from './sampling.ts';

/** The predictions of a step as a head has them. */
export interface Predicted extends Pick<PredictionShape, 'kind' | 'width' | 'groups'> {
  /** Whether hidden states are guided: the first half of the rows saw the condition, the second did not. */
  readonly guided: boolean;
  /** Numbers of a token in a row of predictions; the first `width` of them are mixed. */
  readonly stride: number;
  /** Of one image at this step. */
  readonly tokens: number;
}

/** Of noise and velocities: how data follows from a prediction p, `keep * state + factor * p`. */
export interface CleanRule {
  /** What the head is at, for all images: [B l, width]. */
  readonly state: Float32Array;
  readonly keep: number;
  readonly factor: number;
}

/** Number `i` of the mixture of what was read back, by its place in the first half. */
export type Mixed = (values: Float32Array, clean?: CleanRule) => (i: number) => number;

/**
 * Opens the mixture of one step: by the function of the request's guidance where it has one, else `u + w (c - u)` as
 * `guidedNumber` makes it. A head that mixes so says `mixes` (contract 2). Numbers of a token behind `width` are those with
 * the condition. Call what it gives once a step, or at each denoising step in turn.
 */
export function openMixture(
  { guided, kind, stride, width, tokens, groups }: Predicted,
  { weight, mix, rows }: Pick<SampleContext, 'weight' | 'mix' | 'rows'>,
): Mixed {
  if (!guided || !mix) return (values) => guidedNumber(values, { guided, weight });
  const each = rows.map(() => mix({ kind, tokens, width, groups }));
  return (values, clean) => {
    const mixed = Float64Array.from(values.subarray(0, values.length / 2));
    const cut = (from: number, step: number, source: Float32Array): Float64Array =>
      Float64Array.from(
        { length: tokens * width },
        (_, i) => source[from + Math.floor(i / width) * step + (i % width)]!,
      );
    for (const [row, mixRow] of each.entries()) {
      const from = row * tokens * stride;
      const own_lX = cut(from, stride, values);
      const none_lX = cut(from + values.length / 2, stride, values);
      const rule = clean && {
        state_lX: cut(row * tokens * width, width, clean.state),
        keep: clean.keep,
        factor: clean.factor,
      };
      const made = mixRow({ own_lX, none_lX, ...(rule && { clean: rule }) });
      for (let i = 0; i < tokens * width; i++) mixed[from + Math.floor(i / width) * stride + (i % width)] = made[i]!;
    }
    return (i) => mixed[i]!;
  };
}
