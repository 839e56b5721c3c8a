import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import type { DrawKey, SampleRng, TraceRng } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import type { CaseTensor } from './case-file.ts';

/** Recorded numbers of one stream of one distribution, found by the keys that a generation asks with. */
interface RecordedStream {
  readonly stream: string;
  readonly distribution: keyof SampleRng;
  numbers(key: DrawKey, count: number): Float32Array;
}

/** Exponentials of a generation by scales: per step a tensor whose rows are tokens, batch-major. */
interface ScaleRecord {
  readonly steps: readonly CaseTensor[];
  /** Position of each step's first token. */
  readonly starts: readonly number[];
  readonly batch: number;
}

/**
 * Gives back recorded numbers. Exponentials without a record are ones, which leave the most likely token the winner: greedy
 * cases record nothing. Any other draw without a record is refused.
 */
export function recordedRng(streams: readonly RecordedStream[]): SampleRng {
  const find = (distribution: keyof SampleRng, key: DrawKey): RecordedStream | undefined =>
    streams.find((record) => record.stream === key.stream && record.distribution === distribution);
  const recorded = (distribution: keyof SampleRng) => (key: DrawKey, count: number) =>
    (find(distribution, key) ?? refuse(key, distribution)).numbers(key, count);
  return {
    exponential: (key, count) => find('exponential', key)?.numbers(key, count) ?? new Float32Array(count).fill(1),
    uniform: recorded('uniform'),
    normal: recorded('normal'),
  };
}

/** One stream of a generation by scales; none when the case records nothing of it. */
export function scaleStream(stream: string, { steps, starts, batch }: ScaleRecord): RecordedStream[] {
  if (steps.length === 0) return [];
  const numbers = (key: DrawKey, count: number): Float32Array => {
    const { data } = steps[key.step]!;
    const perRow = data.length / count / batch;
    const row = key.row * perRow + key.position - starts[key.step]!;
    return Float32Array.from(data.subarray(row * count, (row + 1) * count));
  };
  return [{ stream, distribution: 'exponential', numbers }];
}

function refuse({ stream, step }: DrawKey, distribution: string): never {
  throw new TesseraError({
    code: 'draw-not-recorded',
    who: 'parity',
    got: `a ${distribution} draw of stream ${stream} at step ${step}`,
    expected: 'only draws that case files record',
  });
}

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

/** Random numbers of a training step that come from its batch: tensors named like the streams. */
export function recordedTrace(batch: Readonly<Record<string, Tensor>>): TraceRng {
  const recorded = (stream: string, shape: readonly number[]): Tensor => {
    const numbers = batch[stream];
    if (numbers) return tf.reshape(numbers, [...shape]);
    throw new TesseraError({
      code: 'draw-not-recorded',
      who: 'parity',
      got: `a draw of stream ${stream}`,
      expected: `one of ${Object.keys(batch).join(', ')}`,
    });
  };
  return { uniform: recorded, normal: recorded };
}
