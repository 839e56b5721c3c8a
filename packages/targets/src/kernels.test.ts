import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { afterAll, describe, expect, it } from 'vitest';
import { createEngine } from './targets.ts';
import type { Engine, Tree } from '@tessera/engine';
import { bools, expectSame, floats, ints } from '../fixtures/compare.ts';
import { isTensorFlowHere, tensorFlowSkip } from '../fixtures/tensorflow-here.ts';

const reference = createEngine({ target: 'eager' });
const onnx = createEngine({ target: 'onnx', threads: 1 });
const graph = createEngine({ target: 'tensorflow', threads: 1, xla: 'never' });
const xla = createEngine({ target: 'tensorflow', threads: 1, xla: 'always' });
const plain = createEngine({ target: 'tensorflow-eager', threads: 1 });

type Case = readonly [name: string, fn: (...args: never[]) => Tree, ...args: Tensor[]];

const x = floats([2, 3, 4]);
const y = floats([2, 3, 4], 7);
const row = floats([4], 9);
const empty = floats([2, 0, 4]);
const scalar = floats([], 3);
const i = ints([2, 3, 4]);
const j = ints([3, 4], 5);
const b = bools([2, 3, 4]);
const c = bools([2, 3, 4], 4);
const image = floats([2, 5, 6, 3]);
const even = floats([2, 4, 6, 3]);

const UNARY =
  'abs ceil cos elu erf exp expm1 floor leakyRelu log1p neg reciprocal relu relu6 round sigmoid sign sin softplus ' +
  'square step tan tanh zerosLike onesLike isNaN isInf isFinite';
const BINARY = 'add sub mul div maximum minimum squaredDifference equal notEqual greater greaterEqual less lessEqual';
type Unary = (x: Tensor) => Tensor;
type Binary = (a: Tensor, b: Tensor) => Tensor;
const unary = (name: string) => (tf as unknown as Record<string, Unary>)[name]!;
const binary = (name: string) => (tf as unknown as Record<string, Binary>)[name]!;

const elementwise: Case[] = [
  ...UNARY.split(' ').flatMap((name): Case[] => [
    [name, unary(name), x],
    [`${name} of nothing`, unary(name), empty],
    [`${name} of a scalar`, unary(name), scalar],
  ]),
  ...'abs neg sign square zerosLike onesLike relu'.split(' ').map((name): Case => [`${name} of int32`, unary(name), i]),
  ...BINARY.split(' ').flatMap((name): Case[] => [
    [name, binary(name), x, y],
    [`${name} broadcast`, binary(name), row, x],
    [`${name} of a scalar`, binary(name), x, scalar],
    [`${name} of nothing`, binary(name), empty, row],
  ]),
  ...'add sub mul maximum minimum equal notEqual greater less floorDiv mod'
    .split(' ')
    .map((name): Case => [`${name} of int32`, binary(name), i, tf.add(tf.mul(j, 2), 1)]),
  ['log', (a: Tensor) => tf.log(tf.abs(a)), x],
  ['sqrt', (a: Tensor) => tf.sqrt(tf.abs(a)), x],
  ['rsqrt', (a: Tensor) => tf.rsqrt(tf.abs(a)), x],
  ['pow', (a: Tensor, e: Tensor) => tf.pow(tf.abs(a), e), x, row],
  ['mod', binary('mod'), x, row],
  ['floorDiv', binary('floorDiv'), x, row],
  ['prelu', (a: Tensor, alpha: Tensor) => tf.prelu(a, alpha), x, row],
  ['step with a slope', (a: Tensor) => tf.step(a, 0.3), x],
  ['clip', (a: Tensor) => tf.clipByValue(a, -0.3, 0.4), x],
  ['clip of int32', (a: Tensor) => tf.clipByValue(a, -2, 3), i],
  ['numbers in the function', (a: Tensor) => tf.add(tf.mul(a, 0.25), 3), x],
  ['and', (a: Tensor, d: Tensor) => tf.logicalAnd(a, d), b, c],
  ['or', (a: Tensor, d: Tensor) => tf.logicalOr(a, d), b, c],
  ['not', (a: Tensor) => tf.logicalNot(a), b],
  ['where', (p: Tensor, a: Tensor, d: Tensor) => tf.where(p, a, d), b, x, y],
  ['where of int32', (p: Tensor, a: Tensor) => tf.where(p, a, tf.zerosLike(a)), b, i],
  ['addN', (a: Tensor, d: Tensor) => tf.addN([a, d, a]), x, y],
  ['addN of int32', (a: Tensor) => tf.addN([a, a, a]), i],
  ['cast to int32', (a: Tensor) => tf.cast(tf.mul(a, 5), 'int32'), x],
  ['cast to bool', (a: Tensor) => tf.cast(a, 'bool'), i],
  ['cast from bool', (a: Tensor) => [tf.cast(a, 'float32'), tf.cast(a, 'int32')], b],
  ['identity', (a: Tensor) => tf.clone(a), x],
];

const shape: Case[] = [
  ['reshape', (a: Tensor) => [tf.reshape(a, [6, 4]), tf.reshape(a, [-1, 2]), tf.reshape(a, [24])], x],
  ['reshape of nothing', (a: Tensor) => [tf.reshape(a, [0, 8]), tf.reshape(a, [4, 2, 0])], empty],
  ['reshape to a scalar', (a: Tensor) => tf.reshape(a, []), floats([1, 1])],
  ['expandDims', (a: Tensor) => [tf.expandDims(a, 0), tf.expandDims(a, -1), tf.expandDims(a, 2)], x],
  ['squeeze', (a: Tensor) => tf.squeeze(a), floats([1, 3, 1])],
  ['transpose', (a: Tensor) => [tf.transpose(a), tf.transpose(a, [1, 0, 2])], x],
  ['transpose twice', (a: Tensor) => tf.transpose(tf.transpose(a, [1, 2, 0]), [2, 0, 1]), x],
  ['transpose there and on', (a: Tensor) => tf.transpose(tf.transpose(a, [1, 2, 0]), [1, 2, 0]), x],
  ['transpose of nothing', (a: Tensor) => tf.transpose(a, [2, 1, 0]), empty],
  ['slice', (a: Tensor) => [tf.slice(a, [0, 1], [2, 2]), tf.slice(a, [1, 0, 2], [-1, -1, 2])], x],
  ['slice of nothing', (a: Tensor) => [tf.slice(a, [0, 1, 0], [2, 0, 4]), tf.slice(a, [0], [0])], x],
  ['slice of everything', (a: Tensor) => tf.slice(a, [0, 0, 0], [2, 3, 4]), x],
  ['stridedSlice', (a: Tensor) => tf.stridedSlice(a, [0, 2, 0], [2, 0, 4], [1, -1, 2]), x],
  ['stridedSlice to the start', (a: Tensor) => tf.stridedSlice(a, [0, 2], [2, -4], [1, -1]), x],
  ['stridedSlice with masks', (a: Tensor) => tf.stridedSlice(a, [1, 0], [2, 0], [1, 1], 0, 2, 0, 0, 1), x],
  ['concat', (a: Tensor, d: Tensor) => [tf.concat([a, d], 0), tf.concat([a, d, a], -1)], x, y],
  ['concat with nothing', (a: Tensor, d: Tensor) => tf.concat([a, d], 1), empty, x],
  ['concat of one', (a: Tensor) => tf.concat([a], 1), x],
  ['stack', (a: Tensor, d: Tensor) => [tf.stack([a, d], 0), tf.stack([a, d], -1)], x, y],
  ['unstack', (a: Tensor) => [tf.unstack(a, 1), tf.unstack(a, -1)], x],
  ['unstack of one', (a: Tensor) => tf.unstack(a, 0), floats([1, 3])],
  ['split', (a: Tensor) => [tf.split(a, 2, -1), tf.split(a, [1, 2], 1), tf.split(a, 1, 0)], x],
  ['tile', (a: Tensor) => tf.tile(a, [1, 2, 3]), x],
  ['broadcastTo', (a: Tensor) => tf.broadcastTo(a, [3, 2, 4]), floats([2, 1])],
  ['pad', (a: Tensor) => tf.pad(a, [[0, 1], [2, 0], [0, 0]], 1.5), x], // prettier-ignore
  ['pad of int32', (a: Tensor) => tf.pad(a, [[0, 1], [2, 0], [1, 1]]), i], // prettier-ignore
  ['mirrorPad', (a: Tensor) => tf.mirrorPad(a, [[0, 1], [2, 1], [0, 3]], 'reflect'), x], // prettier-ignore
  ['mirrorPad, symmetric', (a: Tensor) => tf.mirrorPad(a, [[2, 1], [0, 3], [4, 0]], 'symmetric'), x], // prettier-ignore
  ['reverse', (a: Tensor) => [tf.reverse(a, 1), tf.reverse(a, [0, -1])], x],
  ['fill', (a: Tensor) => tf.add(tf.fill([2, 3, 4], 2.5), a), x],
  ['ones and zeros', (a: Tensor) => [tf.add(tf.ones([50]), a), tf.zeros([3, 20]), tf.ones([4], 'int32')], scalar],
  ['range', (a: Tensor) => [tf.range(1, 9, 3), tf.range(5, 0, -2, 'int32'), a], x],
  ['linspace', (a: Tensor) => tf.add(tf.linspace(-1, 1, 4), a), x],
];

const axesOf = [undefined, 0, -1, [0, 2], [-1, -2]];
type Reduce = (x: Tensor, axis?: number | number[], keepDims?: boolean) => Tensor;
const reduce: Case[] = [
  ...'sum mean max min prod'.split(' ').flatMap((name): Case[] => {
    const op = (tf as unknown as Record<string, Reduce>)[name]!;
    return [
      [name, (a: Tensor) => axesOf.map((axis) => op(a, axis)), x],
      [`${name}, kept`, (a: Tensor) => axesOf.map((axis) => op(a, axis, true)), x],
      [`${name} of a scalar`, (a: Tensor) => op(a), scalar],
      [`${name} of int32`, (a: Tensor) => op(a, 1), i],
    ];
  }),
  ['sum of nothing', (a: Tensor) => [tf.sum(a, 1), tf.sum(a)], empty],
  ['sum of bool', (a: Tensor) => tf.sum(a, 1), b],
  ['all and any', (a: Tensor) => [tf.all(a, 1), tf.any(a, -1, true), tf.any(a)], b],
  ['argMax', (a: Tensor) => [tf.argMax(a, -1), tf.argMin(a, 1)], x],
  ['argMax of ties', (a: Tensor) => [tf.argMax(a, -1), tf.argMin(a, 1)], i],
  ['cumsum', (a: Tensor) => [tf.cumsum(a, 1), tf.cumsum(a, 2, true), tf.cumsum(a, 0, false, true)], x],
  ['cumsum of int32', (a: Tensor) => tf.cumsum(a, 1), i],
  ['softmax', (a: Tensor) => tf.softmax(tf.mul(a, 30)), x],
  ['logSoftmax', (a: Tensor) => [tf.logSoftmax(a), tf.logSumExp(a, 1)], x],
  ['topk', (a: Tensor) => { const { values, indices } = tf.topk(a, 3); return [values, indices]; }, x], // prettier-ignore
];

const A = floats([2, 3, 4]);
const products: Case[] = [
  ['matMul', (a: Tensor, d: Tensor) => tf.matMul(a, d), A, floats([2, 4, 5])],
  ['matMul, left transposed', (a: Tensor, d: Tensor) => tf.matMul(a, d, true), floats([2, 4, 3]), floats([2, 4, 5])],
  ['matMul, right transposed', (a: Tensor, d: Tensor) => tf.matMul(a, d, false, true), A, floats([2, 5, 4])],
  ['matMul, both transposed', (a: Tensor, d: Tensor) => tf.matMul(a, d, true, true), floats([4, 3]), floats([5, 4])],
  ['matMul, batch broadcast', (a: Tensor, d: Tensor) => tf.matMul(a, d), A, floats([1, 4, 5])],
  [
    'matMul of four axes',
    (a: Tensor, d: Tensor) => tf.matMul(a, d, false, true),
    floats([2, 3, 4, 5]),
    floats([2, 3, 6, 5]),
  ],
  ['matMul with no rows', (a: Tensor, d: Tensor) => tf.matMul(a, d), floats([0, 4]), floats([4, 5])],
  ['dot', (a: Tensor, d: Tensor) => tf.dot(a, d), floats([4]), floats([4, 2])],
];

const k33 = floats([3, 3, 3, 4], 2);
const k23 = floats([2, 3, 3, 4], 2);
const convWith = (
  stride: number | [number, number],
  pad: 'same' | 'valid' | number,
  dilation: number | [number, number] = 1,
) => {
  return (a: Tensor4D, k: Tensor4D) => tf.conv2d(a, k, stride, pad, 'NHWC', dilation);
};
const convolutions: Case[] = [
  ['conv2d, same', convWith(1, 'same'), image, k33],
  ['conv2d, valid', convWith(1, 'valid'), image, k23],
  ['conv2d, stride 2', convWith(2, 'same'), image, k33],
  ['conv2d, stride 2 x 1', convWith([2, 1], 'valid'), image, k23],
  ['conv2d, padded by a number', convWith(1, 1), image, k33],
  ['conv2d, dilated', convWith(1, 'valid', 2), image, k23],
  ['conv2d, one sided pads', (a: Tensor4D, k: Tensor4D) => tf.conv2d(a, k, 2, [[0, 0], [0, 1], [0, 1], [0, 0]]), even, k33], // prettier-ignore
  ...(['same', 'valid'] as const).flatMap((pad): Case[] => [
    [
      `depthwiseConv2d, ${pad}`,
      (a: Tensor4D, k: Tensor4D) => tf.depthwiseConv2d(a, k, 1, pad),
      image,
      floats([3, 3, 3, 2], 5),
    ],
    [
      `depthwiseConv2d, ${pad}, stride 2`,
      (a: Tensor4D, k: Tensor4D) => tf.depthwiseConv2d(a, k, 2, pad),
      even,
      floats([3, 3, 3, 1], 5),
    ],
  ]),
  ['conv2d, 1 x 1', convWith(1, 'valid'), image, floats([1, 1, 3, 2])],
  [
    'conv2dTranspose',
    (a: Tensor4D, k: Tensor4D) => tf.conv2dTranspose(a, k, [2, 10, 12, 2], 2, 'same'),
    image,
    floats([3, 3, 2, 3]),
  ],
  ['avgPool', (a: Tensor4D) => [tf.avgPool(a, 2, 2, 'valid'), tf.avgPool(a, 3, 1, 'same')], image],
  ['maxPool', (a: Tensor4D) => [tf.maxPool(a, 2, 2, 'valid'), tf.maxPool(a, 3, 2, 'same')], image],
  ['resizeNearestNeighbor', (a: Tensor4D) => tf.image.resizeNearestNeighbor(a, [10, 18]), image],
  ['resizeBilinear', (a: Tensor4D) => [tf.image.resizeBilinear(a, [7, 9]), tf.image.resizeBilinear(a, [3, 4])], image],
  ['resizeBilinear, half pixels', (a: Tensor4D) => tf.image.resizeBilinear(a, [7, 9], false, true), image],
  ['resizeBilinear, corners', (a: Tensor4D) => tf.image.resizeBilinear(a, [7, 9], true), image],
];

const index = tf.tensor([2, 0, 1, 2], [2, 2], 'int32');
const gathers: Case[] = [
  ['gather', (a: Tensor, k: Tensor) => [tf.gather(a, k, 1), tf.gather(a, tf.reshape(k, [4]), -1)], x, index],
  ['gather in batches', (a: Tensor, k: Tensor) => tf.gather(a, k, 1, 1), x, index],
  ['gather of nothing', (a: Tensor, k: Tensor) => tf.gather(a, k, 1), x, ints([0])],
  ['gatherND', (a: Tensor, k: Tensor) => tf.gatherND(a, k), floats([3, 3, 2]), index],
  ['scatterND', (k: Tensor2D, u: Tensor) => tf.scatterND(k, u, [3, 3]), index, floats([2])],
  [
    'unsortedSegmentSum',
    (a: Tensor, k: Tensor1D) => tf.unsortedSegmentSum(a, k, 4),
    floats([3, 2]),
    tf.tensor1d([3, 0, 3], 'int32'),
  ],
  [
    'unsortedSegmentSum to many rows',
    (a: Tensor, k: Tensor1D) => [tf.unsortedSegmentSum(a, k, 600), tf.unsortedSegmentSum(tf.sum(a, [1, 2]), k, 600)],
    floats([3, 2, 4]),
    tf.tensor1d([599, 0, 599], 'int32'),
  ],
  ['scatterND of rows', (k: Tensor2D, u: Tensor) => tf.scatterND(k, u, [3, 3, 4]), index, floats([2, 4])],
  ['oneHot', (k: Tensor) => [tf.oneHot(k, 4), tf.oneHot(k, 3, 2, -1), tf.oneHot(k, 3, 1, 0, 'float32')], index],
];

const suites = [
  ['elementwise', elementwise],
  ['shape', shape],
  ['reduce', reduce],
  ['matmul', products],
  ['conv and pool', convolutions],
  ['gather', gathers],
] as const;

describe.each(suites)('%s kernels on onnx compute what tfjs-cpu computes', (_, cases) => {
  it.each(cases.map(([name, fn, ...args]) => ({ name, fn, args })))('$name', async ({ fn, args }) => {
    await expectSame([onnx, reference], fn as (...args: Tensor[]) => Tree, { args });
  });
});

/** Of floats, tfjs-cpu alone makes integers. */
const isSame = (engine: Engine, name: string): boolean => engine !== plain || !name.startsWith('floorDiv');

describe.skipIf(!isTensorFlowHere).each([
  ['its graphs', graph],
  ['XLA', xla],
  ['plain tfjs', plain],
] as const)(`tensorflow by %s${tensorFlowSkip}`, (_, engine) => {
  describe.each(suites)('%s kernels compute what tfjs-cpu computes', (__, cases) => {
    it.each(cases.filter(([name]) => isSame(engine, name)).map(([name, fn, ...args]) => ({ name, fn, args })))(
      '$name',
      async ({ fn, args }) => {
        await expectSame([engine, reference], fn as (...args: Tensor[]) => Tree, { args });
      },
    );
  });
});

afterAll(() => {
  for (const engine of [onnx, graph, xla, plain]) engine.dispose();
});

it.each([3, 600])('sums to %i rows lose no update, though threads meet in one', async (rows) => {
  const engine = createEngine({ target: 'onnx', threads: 2 });
  const count = 20_000;
  const sums = engine.compile((k: Tensor1D, a: Tensor2D) => tf.unsortedSegmentSum(a, k, rows), { name: 'sums' });
  const [k, a] = [tf.zeros([count], 'int32') as Tensor1D, tf.ones([count, 64]) as Tensor2D];
  for (let run = 0; run < 8; run++) {
    const result = await sums(k, a);
    expect(new Set(result.dataSync().subarray(0, 64))).toEqual(new Set([count]));
    result.dispose();
  }
  tf.dispose([k, a]);
  engine.dispose();
});
