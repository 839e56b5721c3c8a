import { TesseraError } from '@tessera/errors';
import type { Slots } from './adamw.ts';
import type { TrainStepSpec } from './train-step.ts';

/** One array of a saved state. */
export interface SavedArray {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

export interface StepState {
  /** In the order of the parameters. */
  readonly slots: readonly Slots<Float32Array>[];
  /** Steps taken. */
  readonly count: number;
}

/** `param.NAME`, `m.NAME`, `v.NAME`, `ema.NAME` where kept, and `count`. */
export function writeState(spec: TrainStepSpec, { slots, count }: StepState): Map<string, SavedArray> {
  const state = new Map<string, SavedArray>();
  for (const [i, { name, variable }] of spec.params.entries()) {
    for (const [slot, data] of Object.entries(slots[i]!)) state.set(`${slot}.${name}`, { data, shape: variable.shape });
  }
  return state.set('count', { data: Float32Array.of(count), shape: [1] });
}

/**
 * The inverse of `writeState`. Everything is checked before anything is used.
 * @throws TesseraError `state-mismatch`
 */
export function readState(spec: TrainStepSpec, state: ReadonlyMap<string, SavedArray>): StepState {
  const array = (name: string, shape: readonly number[]): Float32Array => {
    const saved = state.get(name);
    if (saved && saved.shape.join() === shape.join()) return saved.data;
    throw new TesseraError({
      code: 'state-mismatch',
      who: spec.name,
      got: saved ? `"${name}" of shape [${saved.shape}]` : `a state without "${name}"`,
      expected: `"${name}" of shape [${shape}]`,
      next: 'Load a state that the same training step has written.',
    });
  };
  const slots = spec.params.map(({ name, variable: { shape } }) => ({
    param: array(`param.${name}`, shape),
    m: array(`m.${name}`, shape),
    v: array(`v.${name}`, shape),
    ...(spec.ema && { ema: array(`ema.${name}`, shape) }),
  }));
  return { slots, count: array('count', [1])[0]! };
}
