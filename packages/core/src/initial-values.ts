import { keyedRng, type SampleRng } from '@tessera/engine';
import type { Init } from './contracts.ts';

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
