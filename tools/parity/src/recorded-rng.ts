import type { DrawKey, SampleRng } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import type { CaseTensor } from './case-file.ts';

/** Recorded numbers of one stream of one distribution, found by the keys that a generation asks with. */
export interface RecordedStream {
  readonly stream: string;
  readonly distribution: keyof SampleRng;
  numbers(key: DrawKey, count: number): Float32Array;
}

/** Exponentials of a generation by scales: per step a tensor whose rows are tokens, batch-major. */
export interface ScaleRecord {
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
