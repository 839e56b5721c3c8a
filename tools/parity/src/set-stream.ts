import type { DrawKey } from '@tessera/engine';
import type { CaseTensor } from './case-file.ts';
import type { RecordedStream } from './recorded-rng.ts';

/** Normal numbers of one step of a generation by sets. */
export interface SetRecord {
  /** First noise, [n, C]. */
  readonly init: CaseTensor;
  /** [T, rows, C]: the noise of every denoising step, of which the first n rows count. The last step's is not used. */
  readonly steps: CaseTensor;
  /** Row of the records by image and position. */
  readonly rowOf: (row: number, position: number) => number;
}

/** A token's numbers as the head asks for them: its first noise, then that of every denoising step but the last. */
export function setStream(stream: string, recordOf: (step: number) => SetRecord): RecordedStream {
  const numbers = (key: DrawKey, count: number): Float32Array => {
    const { init, steps, rowOf } = recordOf(key.step);
    const [total, rows, channels] = steps.shape as [number, number, number];
    const token = rowOf(key.row, key.position);
    const out = new Float32Array(count);
    out.set(Float32Array.from(init.data.subarray(token * channels, (token + 1) * channels)));
    for (let step = 0; step < Math.min(total, count / channels) - 1; step++) {
      const from = (step * rows + token) * channels;
      out.set(Float32Array.from(steps.data.subarray(from, from + channels)), (step + 1) * channels);
    }
    return out;
  };
  return { stream, distribution: 'normal', numbers };
}
