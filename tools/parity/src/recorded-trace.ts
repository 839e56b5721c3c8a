import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import type { TraceRng } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';

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
