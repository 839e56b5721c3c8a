import type { Layout, PredictionKind, Predictions, PredictionShape, Step } from '@tessera/core';
import { keyedRng } from '@tessera/engine';

/** Tokens of an image, enough for steps of one and of many tokens. */
export const layout: Layout = { length: 64, scales: [{ start: 0, height: 8, width: 8 }] };

/** All steps of an order of sets of about equal size. */
export function stepsOf(of: number): Step[] {
  return Array.from({ length: of }, (_, index) => {
    const [from, to] = [index, index + 1].map((i) => Math.round((i * layout.length) / of)) as [number, number];
    const positions_Bl = Int32Array.from({ length: to - from }, (_, i) => from + i);
    return { index, of, before: layout.length - from, after: layout.length - to, positions_Bl };
  });
}

/** Tokens of a codebook, of factors with several choices each, of values with several channels and with one. */
export function shapesOf(kind: PredictionKind): PredictionShape[] {
  if (kind !== 'logits') {
    return [6, 1].map((width) => ({ kind, tokens: 4, width, groups: [width] }));
  }
  return [
    { kind, tokens: 4, width: 9, groups: [9] },
    { kind, tokens: 3, width: 8, groups: [2, 2, 4] },
  ];
}

/** Predictions of one image as float32 holds them; `call` counts the denoising steps of a step. */
export function predictions(shape: PredictionShape, { seed, call = 0 }: { seed: number; call?: number }): Predictions {
  const { kind, tokens, width } = shape;
  const rng = keyedRng([seed]);
  const draw = (stream: string): Float64Array =>
    Float64Array.from(rng.normal({ row: 0, step: call, position: 0, stream }, tokens * width));
  const own_lX = draw('own');
  const none_lX = Float64Array.from(draw('none'), (value, i) => Math.fround(0.6 * own_lX[i]! + 0.8 * value));
  if (kind === 'logits') return { own_lX, none_lX };
  const clean = kind === 'noise' ? { keep: 1.25, factor: -0.75 } : { keep: 1, factor: 0.5 };
  return { own_lX, none_lX, clean: { ...clean, state_lX: draw('state') } };
}
