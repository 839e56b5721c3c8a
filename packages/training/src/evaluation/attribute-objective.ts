import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor, Tensor2D } from '@tensorflow/tfjs';
import { tensorFrom } from '@tessera/engine';
import type { Attribute, Split } from '../data/data-set.ts';
import type { Batch } from '../stage/stage.ts';

/** How a judge learns attributes: all values of all attributes side by side, S numbers. */
interface AttributeObjective {
  /** `truth_BS`: 1 for the value of each attribute that an image has, else 0. */
  truth(split: Split, indices: Int32Array): Batch;
  /** Cross-entropy of each attribute that an image has, averaged over all of them in the batch. Pure and traceable. */
  loss(logits_BS: Tensor2D, truth_BS: Tensor2D): Scalar;
}

export function attributeObjective(attributes: readonly Attribute[]): AttributeObjective {
  const starts: number[] = [];
  let size = 0;
  for (const { values } of attributes) {
    starts.push(size);
    size += values.length;
  }
  return {
    truth(split, indices) {
      const truth = new Float32Array(indices.length * size);
      for (const [row, member] of indices.entries()) {
        for (const [column, start] of starts.entries()) {
          const value = split.attribute_NA![member * attributes.length + column]!;
          if (value >= 0) truth[row * size + start + value] = 1;
        }
      }
      return { truth_BS: tensorFrom(truth, [indices.length, size]) };
    },
    loss(logits_BS, truth_BS) {
      const member_SA = memberships(attributes, size);
      // A number that is the same for all values of a row changes no attribute: exponentials stay within float32.
      const most_B1: Tensor = tf.max(logits_BS, 1, true);
      const exponential_BS = tf.exp(tf.maximum(tf.sub(logits_BS, most_B1), -60));
      const total_BA = tf.log(tf.matMul(exponential_BS as Tensor2D, member_SA));
      const chosen_BA = tf.matMul(tf.mul(truth_BS, tf.sub(logits_BS, most_B1)) as Tensor2D, member_SA);
      const present_BA = tf.matMul(truth_BS, member_SA);
      const losses_BA = tf.mul(present_BA, tf.sub(total_BA, chosen_BA));
      return tf.div(tf.sum(losses_BA), tf.sum(present_BA));
    },
  };
}

/** `[S, attributes]`: 1 where a value belongs to an attribute. */
function memberships(attributes: readonly Attribute[], size: number): Tensor2D {
  const member = new Float32Array(size * attributes.length);
  let at = 0;
  for (const [column, { values }] of attributes.entries()) {
    for (let value = 0; value < values.length; value++) member[at++ * attributes.length + column] = 1;
  }
  return tf.tensor2d(member, [size, attributes.length]);
}
