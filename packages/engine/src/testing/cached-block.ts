import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import { nn } from '../nn/nn.ts';
import { floats } from './compare.ts';

export const WIDTH = 16;
const qkv_OI = floats([3 * WIDTH, WIDTH], 2);
export const out_OI = floats([WIDTH, WIDTH], 3);
const table_LC = floats([64, WIDTH], 4);

/** An attention block with a cache: everything that changes from step to step of a generation. */
export function block(hidden_RlC: Tensor3D, past_RPC: Tensor3D): Tensor[] {
  const [rows, length] = hidden_RlC.shape;
  const past = past_RPC.shape[1];
  const placed = tf.add(nn.layerNorm(hidden_RlC, 1e-6), tf.slice(table_LC, [past, 0], [length, WIDTH]));
  const heads = tf.transpose(
    tf.reshape(nn.linear(placed, qkv_OI as Tensor2D), [rows, length, 3, 2, WIDTH / 2]),
    [2, 0, 3, 1, 4],
  );
  const [q, k, v] = tf.unstack(heads) as [Tensor4D, Tensor4D, Tensor4D];
  const before = tf.transpose(tf.reshape(past_RPC, [rows, past, 2, WIDTH / 2]), [0, 2, 1, 3]) as Tensor4D;
  const mixed = nn.attention(q, tf.concat([before, k], 2), tf.concat([before, v], 2), 0.35);
  const joined = tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [rows, length, WIDTH]);
  return [tf.add(hidden_RlC, nn.gelu(nn.linear(joined, out_OI as Tensor2D), 'tanh')), k];
}

export const AXES = ['R l .', 'R P .'];
/** Hidden states and a cache of these sizes. */
export const argsOf = (rows: number, length: number, past: number) =>
  [floats([rows, length, WIDTH], 5), floats([rows, past, WIDTH], 6)] as [Tensor3D, Tensor3D];
