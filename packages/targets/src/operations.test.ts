import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import { isTesseraError } from '@tessera/errors';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEngine } from './targets.ts';
import type { Engine } from '@tessera/engine';

/* What docs/plugins.md says of operations: those that compile give what tfjs gives, the others are refused by name. */

type Operation = (x: Tensor2D) => Tensor;
const positive = (x: Tensor2D) => tf.add(tf.abs(x), 0.5) as Tensor2D;
const inside = (x: Tensor2D) => tf.div(x, 4) as Tensor2D;
const cube = (x: Tensor2D) => tf.reshape(x, [1, 2, 3, 2]) as Tensor4D;
const ids = () => tf.tensor1d([2, 0], 'int32');
const spread = (x: Tensor2D) => tf.add(x, tf.range(0, 12).reshape([4, 3])) as Tensor2D;

const compiled: Readonly<Record<string, Operation>> = {
  abs: tf.abs,
  ceil: tf.ceil,
  cos: tf.cos,
  einsum: (x) => tf.einsum('ij,kj->ik', x, x),
  elu: tf.elu,
  erf: tf.erf,
  exp: tf.exp,
  expm1: tf.expm1,
  floor: tf.floor,
  isFinite: tf.isFinite,
  isInf: tf.isInf,
  isNaN: tf.isNaN,
  leakyRelu: tf.leakyRelu,
  log: (x) => tf.log(positive(x)),
  log1p: (x) => tf.log1p(positive(x)),
  logSigmoid: tf.logSigmoid,
  logicalNot: (x) => tf.logicalNot(tf.greater(x, 0)),
  neg: tf.neg,
  reciprocal: (x) => tf.reciprocal(positive(x)),
  relu: tf.relu,
  relu6: tf.relu6,
  round: tf.round,
  rsqrt: (x) => tf.rsqrt(positive(x)),
  sigmoid: tf.sigmoid,
  sign: tf.sign,
  sin: tf.sin,
  softplus: tf.softplus,
  sqrt: (x) => tf.sqrt(positive(x)),
  square: tf.square,
  step: tf.step,
  tan: tf.tan,
  tanh: tf.tanh,
  add: (x) => tf.add(x, 2),
  div: (x) => tf.div(x, positive(x)),
  divNoNan: (x) => tf.divNoNan(x, tf.relu(x)),
  floorDiv: (x) => tf.floorDiv(x, positive(x)),
  maximum: (x) => tf.maximum(x, 0),
  minimum: (x) => tf.minimum(x, 0),
  mod: (x) => tf.mod(x, positive(x)),
  mul: (x) => tf.mul(x, x),
  pow: (x) => tf.pow(positive(x), 1.5),
  prelu: (x) => tf.prelu(x, tf.fill([4, 3], 0.1) as Tensor2D),
  squaredDifference: (x) => tf.squaredDifference(x, 1),
  sub: (x) => tf.sub(x, 1),
  equal: (x) => tf.equal(x, x),
  greater: (x) => tf.greater(x, 0),
  greaterEqual: (x) => tf.greaterEqual(x, 0),
  less: (x) => tf.less(x, 0),
  lessEqual: (x) => tf.lessEqual(x, 0),
  notEqual: (x) => tf.notEqual(x, 0),
  logicalAnd: (x) => tf.logicalAnd(tf.greater(x, 0), tf.less(x, 1)),
  logicalOr: (x) => tf.logicalOr(tf.greater(x, 0), tf.less(x, 1)),
  logicalXor: (x) => tf.logicalXor(tf.greater(x, 0), tf.less(x, 1)),
  where: (x) => tf.where(tf.greater(x, 0), x, tf.neg(x)),
  clipByValue: (x) => tf.clipByValue(x, -0.5, 0.5),
  cast: (x) => tf.cast(x, 'int32'),
  all: (x) => tf.all(tf.greater(x, -9), 1),
  any: (x) => tf.any(tf.greater(x, 0), 1),
  argMax: (x) => tf.argMax(x, 1),
  argMin: (x) => tf.argMin(x, 1),
  cumsum: (x) => tf.cumsum(x, 1),
  logSoftmax: (x) => tf.logSoftmax(x),
  logSumExp: (x) => tf.logSumExp(x, 1),
  max: (x) => tf.max(x, 1),
  mean: (x) => tf.mean(x, 1),
  min: (x) => tf.min(x, 1),
  moments: (x) => tf.moments(x, 1).variance,
  norm: (x) => tf.norm(x),
  prod: (x) => tf.prod(x, 1),
  softmax: (x) => tf.softmax(x),
  sum: (x) => tf.sum(x, 1),
  topk: (x) => tf.topk(spread(x), 2).values,
  broadcastTo: (x) => tf.broadcastTo(tf.reshape(x, [1, 4, 3]), [2, 4, 3]),
  concat: (x) => tf.concat([x, x], 1),
  expandDims: (x) => tf.expandDims(x, 1),
  gather: (x) => tf.gather(x, ids(), 0),
  gatherND: (x) =>
    tf.gatherND(
      x,
      tf.tensor2d(
        [
          [0, 1],
          [2, 2],
        ],
        [2, 2],
        'int32',
      ),
    ),
  mirrorPad: (x) =>
    tf.mirrorPad(
      x,
      [
        [1, 1],
        [1, 1],
      ],
      'reflect',
    ),
  oneHot: () => tf.cast(tf.oneHot(ids(), 4), 'float32'),
  pad: (x) =>
    tf.pad(x, [
      [1, 0],
      [0, 2],
    ]),
  reshape: (x) => tf.reshape(x, [2, 6]),
  reverse: (x) => tf.reverse(x, 1),
  scatterND: (x) => tf.scatterND(tf.tensor2d([[0], [3], [1], [2]], [4, 1], 'int32'), x, [5, 3]),
  slice: (x) => tf.slice(x, [1, 0], [2, 2]),
  split: (x) => tf.split(x, 2, 0)[1]!,
  squeeze: (x) => tf.squeeze(tf.expandDims(x, 1), [1]),
  stack: (x) => tf.stack([x, x]),
  stridedSlice: (x) => tf.stridedSlice(x, [0, 0], [4, 3], [2, 1]),
  tile: (x) => tf.tile(x, [1, 2]),
  transpose: (x) => tf.transpose(x),
  unstack: (x) => tf.unstack(x)[1]!,
  conv2d: (x) => tf.conv2d(cube(x), tf.ones([2, 2, 2, 3]) as Tensor4D, 1, 'same'),
  conv2dTranspose: (x) => tf.conv2dTranspose(cube(x), tf.ones([2, 2, 3, 2]) as Tensor4D, [1, 2, 3, 3], 1, 'same'),
  depthwiseConv2d: (x) => tf.depthwiseConv2d(cube(x), tf.ones([2, 2, 2, 1]) as Tensor4D, 1, 'same'),
  conv1d: (x) => tf.conv1d(tf.reshape(x, [1, 6, 2]) as Tensor3D, tf.ones([3, 2, 2]) as Tensor3D, 1, 'same'),
  dot: (x) => tf.dot(x, tf.transpose(x)),
  matMul: (x) => tf.matMul(x, x, false, true),
  avgPool: (x) => tf.avgPool(tf.reshape(x, [1, 2, 6, 1]) as Tensor4D, 2, 2, 'valid'),
  maxPool: (x) => tf.maxPool(tf.reshape(x, [1, 2, 6, 1]) as Tensor4D, 2, 2, 'valid'),
  'image.resizeNearestNeighbor': (x) => tf.image.resizeNearestNeighbor(cube(x), [4, 6]),
  'image.resizeBilinear': (x) => tf.image.resizeBilinear(cube(x), [4, 6]),
  'linalg.qr': (x) => tf.linalg.qr(x)[1],
  'linalg.bandPart': (x) => tf.linalg.bandPart(x, 1, 0),
  range: (x) => tf.add(x, tf.range(0, 3)),
  linspace: (x) => tf.add(x, tf.linspace(0, 1, 3)),
  eye: (x) => tf.matMul(x, tf.eye(3)),
};

const refused: Readonly<Record<string, Operation>> = {
  acos: (x) => tf.acos(inside(x)),
  acosh: (x) => tf.acosh(tf.add(positive(x), 1)),
  asin: (x) => tf.asin(inside(x)),
  asinh: tf.asinh,
  atan: tf.atan,
  atanh: (x) => tf.atanh(inside(x)),
  cosh: tf.cosh,
  selu: tf.selu,
  sinh: tf.sinh,
  atan2: (x) => tf.atan2(x, positive(x)),
  cumprod: (x) => tf.cumprod(x, 1),
  batchToSpaceND: (x) => tf.batchToSpaceND(tf.reshape(x, [4, 3, 1]), [2], [[0, 0]]),
  depthToSpace: (x) => tf.depthToSpace(tf.reshape(x, [1, 3, 1, 4]) as Tensor4D, 2, 'NHWC'),
  spaceToBatchND: (x) => tf.spaceToBatchND(tf.reshape(x, [2, 6]), [2], [[0, 0]]),
  batchNorm: (x) => tf.batchNorm(x, tf.zeros([3]), tf.ones([3])),
  multinomial: (x) => tf.multinomial(x, 2, 1),
  fft: (x) => tf.real(tf.spectral.fft(tf.complex(x, x))),
  randomNormal: () => tf.randomNormal([2]),
  dropout: (x) => tf.dropout(x, 0.5),
  dataSync: (x) => tf.scalar(x.dataSync()[0]!),
  unique: (x) => tf.unique(tf.reshape(x, [12])).values,
  bincount: () => tf.bincount(ids(), tf.ones([2]) as never, 3),
  searchSorted: (x) => tf.searchSorted(x, x),
};

const guide = readFileSync(new URL('../../../docs/plugins.md', import.meta.url), 'utf8');

/** The operations that the guide names behind a mark. */
function named(mark: string): string[] {
  const [, list] = new RegExp(`<!-- ${mark} -->\\s*([^#]*?)\\n\\n(?!\`)`).exec(guide)!;
  return [...list!.matchAll(/`([\w.]+)`/g)].map(([, name]) => name!);
}

const numbers = [0.3, -1.2, 0.8, 0.1, -0.4, 1.5, -0.9, 0.6, 2.1, -2.2, 0.05, 1.1];
let engine: Engine;
beforeAll(() => void (engine = createEngine({ target: 'onnx' })));
afterAll(() => engine.dispose());

async function run(name: string, operation: Operation): Promise<readonly number[]> {
  const program = engine.compile(operation, { name });
  const x_43 = tf.tensor2d(numbers, [4, 3]);
  try {
    return Array.from(await (await program(x_43)).data());
  } finally {
    x_43.dispose();
    program.dispose();
  }
}

describe('operations that the guide names', () => {
  it('as compiled are those that are tried here', () => {
    expect(named('operations that compile')).toEqual(Object.keys(compiled).sort());
    expect(named('operations that do not')).toEqual(Object.keys(refused).sort());
  });

  it.each(Object.entries(compiled))('compile: %s', async (name, operation) => {
    const expected = Array.from(await operation(tf.tensor2d(numbers, [4, 3])).data());
    const found = await run(name, operation);
    expect(found).toHaveLength(expected.length);
    for (const [i, value] of found.entries()) expect(value).toBeCloseTo(expected[i]!, 4);
  });

  it.each(Object.entries(refused))('are refused by a sentence: %s', async (name, operation) => {
    const error = await run(name, operation).catch((found: unknown) => found);
    expect(isTesseraError(error) && error.message).toContain(`[${name}] got `);
  });
});
