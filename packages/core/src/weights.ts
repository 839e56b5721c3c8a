import type { Tensor } from '@tensorflow/tfjs';
import { keyedRng, type Engine, type SampleRng } from '@tessera/engine';

/* Where parts get their parameters from, and how fresh ones start. */

/** The initial values of a parameter, and whether weight decay applies to it. */
export interface ParamSpec {
  readonly init: Init;
  readonly decay: boolean;
  /** False for buffers: kept in the file, never trained. */
  readonly trainable?: boolean;
}

export type Init =
  | { readonly kind: 'zeros' | 'ones' }
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'normal'; readonly std: number }
  | { readonly kind: 'uniform'; readonly bound: number }
  /** Rows that start differently (VAR's modulation): equally long stretches of the parameter in storage order. */
  | { readonly kind: 'rows'; readonly parts: readonly { readonly rows: number; readonly init: Init }[] };

/**
 * The parameters of a part: from a file, or freshly initialised for training. The tensors stay the source's own: parts
 * never dispose them.
 *
 * `param('class_emb.weight', [11, 64], { init: { kind: 'normal', std: 0.02 }, decay: true })` gives a tensor [11, 64]
 */
export interface Weights {
  /** @throws TesseraError where the file has no such tensor, or one of another shape */
  param(name: string, shape: readonly number[], spec: ParamSpec): Tensor;
  /** True when the file holds this name: for optional parameters. */
  has(name: string): boolean;
}

/** What every part is built from. */
export interface BuildContext {
  readonly engine: Engine;
  readonly weights: Weights;
}

/** Starting values of one parameter: they depend on the seed, its name and its size alone. */
export function initialValues(init: Init, name: string, { size, seed }: { size: number; seed: number }): Float32Array {
  const values = new Float32Array(size);
  fill(values, init, { rng: keyedRng([seed]), stream: `init.${name}`, part: 0 });
  return values;
}

interface Draw {
  readonly rng: SampleRng;
  readonly stream: string;
  /** Keeps the parts of one parameter apart. */
  readonly part: number;
}

function fill(values: Float32Array, init: Init, draw: Draw): void {
  const key = { row: 0, stream: draw.stream, step: draw.part, position: 0 };
  switch (init.kind) {
    case 'zeros':
      return;
    case 'ones':
      values.fill(1);
      return;
    case 'constant':
      values.fill(init.value);
      return;
    case 'normal':
      values.set(draw.rng.normal(key, values.length).map((value) => value * init.std));
      return;
    case 'uniform':
      values.set(draw.rng.uniform(key, values.length).map((value) => (2 * value - 1) * init.bound));
      return;
    case 'rows': {
      const rows = init.parts.reduce((sum, part) => sum + part.rows, 0);
      const stride = values.length / rows;
      let start = 0;
      for (const [index, part] of init.parts.entries()) {
        const end = start + part.rows * stride;
        fill(values.subarray(start, end), part.init, { ...draw, part: draw.part * init.parts.length + index + 1 });
        start = end;
      }
    }
  }
}
