import type { Variable } from '@tensorflow/tfjs';
import { ortTensor, type OrtTensor } from '../onnx/runtime.ts';
import { readNumbers } from '../trace/tfjs-internals.ts';

/** Two arrays of one shape: programs read the front and write the back, until `flip` makes the back the front. */
export interface Buffer {
  readonly front: OrtTensor;
  readonly back: OrtTensor;
  flip(): void;
}

/** Starts with `data`, which it takes over. */
export async function createBuffer(data: Float32Array, shape: readonly number[]): Promise<Buffer> {
  const pair = [
    await ortTensor({ data, dtype: 'float32', shape }),
    await ortTensor({ data: new Float32Array(data.length), dtype: 'float32', shape }),
  ] as const;
  let front: 0 | 1 = 0;
  return {
    get front() {
      return pair[front];
    },
    get back() {
      return pair[1 - front]!;
    },
    flip: () => {
      front = front === 0 ? 1 : 0;
    },
  };
}

/** A copy of a variable's numbers. */
export function numbersOf(variable: Variable, who: string): Float32Array {
  return Float32Array.from(readNumbers(variable.dataId, who));
}
