import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import { nn, type Embedded, type Weights } from '@tessera/plugin-kit';

/*
 * A transformer that reads a text, each word seeing all others (Vaswani et al. 2017, with the layer normalisation first).
 * Names of axes: R rows, S places of words, D width, N heads, H size of a head.
 */

const NORM_EPS = 1e-6;
/** Far below every score: softmax gives exactly 0. */
const HIDDEN = -1e9;

interface Layer {
  readonly weight_OI: Tensor;
  readonly bias_O: Tensor;
}

interface Block {
  readonly qkv: Layer;
  readonly proj: Layer;
  readonly fc1: Layer;
  readonly fc2: Layer;
}

export interface Encoder {
  /** [entries, D]: 0 fills up, 1 is no text, then the words. */
  readonly words: Tensor;
  /** [S, D] */
  readonly places: Tensor;
  readonly blocks: readonly Block[];
  /** From the mean of the words to the vector. */
  readonly pool: Layer;
}

interface EncoderSize {
  readonly entries: number;
  readonly length: number;
  readonly width: number;
  readonly depth: number;
}

export function takeEncoder(weights: Weights, { entries, length, width: D, depth }: EncoderSize): Encoder {
  const normal = { kind: 'normal', std: 0.02 } as const;
  const layer = (name: string, outputs: number, inputs: number): Layer => ({
    weight_OI: weights.param(`${name}.weight`, [outputs, inputs], { init: normal, decay: true }),
    bias_O: weights.param(`${name}.bias`, [outputs], { init: { kind: 'zeros' }, decay: false }),
  });
  return {
    words: weights.param('words.weight', [entries, D], { init: normal, decay: true }),
    places: weights.param('places', [length, D], { init: normal, decay: false }),
    blocks: Array.from({ length: depth }, (_, i) => ({
      qkv: layer(`blocks.${i}.qkv`, 3 * D, D),
      proj: layer(`blocks.${i}.proj`, D, D),
      fc1: layer(`blocks.${i}.fc1`, 4 * D, D),
      fc2: layer(`blocks.${i}.fc2`, D, 4 * D),
    })),
    pool: layer('pool', D, D),
  };
}

/** The vector of a text and the sequence of its words. Traceable. */
export function encodeText({ words, places, blocks, pool }: Encoder, word_RS: Tensor2D, heads: number): Embedded {
  const counts_RS = tf.cast(tf.greater(word_RS, 0), 'float32') as Tensor2D;
  const [R, S] = counts_RS.shape;
  const bias_R11S = tf.reshape(tf.mul(tf.sub(1, counts_RS), HIDDEN), [R, 1, 1, S]);
  let x_RSD = tf.add(nn.embedding(words, word_RS), places) as Tensor3D;
  for (const block of blocks) x_RSD = runBlock(block, x_RSD, { heads, bias_R11S });
  const values_RSD = nn.layerNorm(x_RSD, NORM_EPS);
  const counted_RS1 = tf.expandDims(counts_RS, 2);
  const mean_RD = tf.div(tf.sum(tf.mul(values_RSD, counted_RS1), 1), tf.sum(counted_RS1, 1)) as Tensor2D;
  return { vector_RD: run(pool, mean_RD), sequence: { values_RSD, counts_RS } };
}

interface Attention {
  readonly heads: number;
  readonly bias_R11S: Tensor;
}

function runBlock({ qkv, proj, fc1, fc2 }: Block, x_RSD: Tensor3D, { heads, bias_R11S }: Attention): Tensor3D {
  const [R, S, D] = x_RSD.shape;
  const split = (x: Tensor): Tensor4D =>
    tf.transpose(tf.reshape(x, [R, S, heads, D / heads]), [0, 2, 1, 3]) as Tensor4D;
  const [q, k, v] = tf.split(run(qkv, nn.layerNorm(x_RSD, NORM_EPS)), 3, 2).map(split);
  const attended_RNSH = nn.attention(q!, k!, v!, Math.sqrt(heads / D), bias_R11S);
  const joined_RSD = tf.reshape(tf.transpose(attended_RNSH, [0, 2, 1, 3]), [R, S, D]) as Tensor3D;
  const seen_RSD = tf.add(x_RSD, run(proj, joined_RSD)) as Tensor3D;
  const active = nn.gelu(run(fc1, nn.layerNorm(seen_RSD, NORM_EPS)), 'tanh');
  return tf.add(seen_RSD, run(fc2, active));
}

function run<T extends Tensor>({ weight_OI, bias_O }: Layer, x: T): T {
  return nn.linear(x, weight_OI, bias_O);
}
