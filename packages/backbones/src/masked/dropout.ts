import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import type { TrainContext } from '@tessera/core';

/** Sets numbers to zero by chance and scales the others up; `place` names the random stream. */
export type Dropout = <T extends Tensor>(x: T, place: string) => T;

/** Null where nothing is dropped. */
export function dropoutOf(rate: number, { rng, train }: TrainContext): Dropout | null {
  if (!train || rate === 0) return null;
  const keep = 1 - rate;
  return <T extends Tensor>(x: T, place: string): T => {
    const kept = tf.cast(tf.less(rng.uniform(`dropout.${place}`, x.shape), keep), 'float32');
    return tf.mul(x, tf.mul(kept, 1 / keep));
  };
}
