import type { DrawKey, SampleRng } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import type { CaseTensor } from './case-file.ts';

/** Recorded numbers of one stream: per step a tensor whose rows are tokens, batch-major. */
export interface RecordedStream {
  readonly stream: string;
  readonly steps: readonly CaseTensor[];
  /** Position of each step's first token. */
  readonly starts: readonly number[];
  readonly batch: number;
}

/**
 * Gives back recorded exponentials by the same keys that a generation asks with. Streams without a record get ones, which
 * leave the most likely token the winner: greedy cases record nothing.
 */
export function recordedRng(streams: readonly RecordedStream[]): SampleRng {
  return {
    exponential(key, count) {
      const record = streams.find(({ stream, steps }) => stream === key.stream && steps.length > 0);
      return record ? rowOf(record, key, count) : new Float32Array(count).fill(1);
    },
    uniform: (key) => refuse(key, 'uniform'),
    normal: (key) => refuse(key, 'normal'),
  };
}

function rowOf({ steps, starts, batch }: RecordedStream, key: DrawKey, count: number): Float32Array {
  const { data } = steps[key.step]!;
  const perRow = data.length / count / batch;
  const row = key.row * perRow + key.position - starts[key.step]!;
  return Float32Array.from(data.subarray(row * count, (row + 1) * count));
}

function refuse({ stream, step }: DrawKey, distribution: string): never {
  throw new TesseraError({
    code: 'draw-not-recorded',
    who: 'parity',
    got: `a ${distribution} draw of stream ${stream} at step ${step}`,
    expected: 'only draws that case files record',
  });
}
