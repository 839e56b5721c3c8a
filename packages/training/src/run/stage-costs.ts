import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { disposeAll } from '@tessera/core';
import { type Engine, type GraphNode, trace, type TraceRng, type Value } from '@tessera/engine';
import { freshWeights } from '@tessera/models';
import type { DataSet } from '../data/data-set.ts';
import { generatorStage } from '../generator/generator-stage.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { Batch, Stage } from '../stage/stage.ts';
import { type EncodedSplit, encodeImages } from '../tokenizers/encoded-split.ts';
import { buildTrained, type RecipeParts } from './recipe-parts.ts';

export interface LossCost {
  /** Floating-point operations of one forward pass: of convolutions, matrix products and attention. */
  readonly flops: number;
  /** Bytes of all results of the forward pass. The backward pass needs most of them. */
  readonly activationBytes: number;
}

/** The cost of one evaluation of a loss, from its graph. Nothing is computed. */
export function lossCost({ name, spec }: Pick<Stage, 'name' | 'spec'>, batch: Batch): LossCost {
  const names = Object.keys(batch);
  const inputs = names.map((key) => ({ shape: batch[key]!.shape, dtype: batch[key]!.dtype as Value['dtype'] }));
  const graph = trace(
    (...given: Tensor[]) => [spec.loss(Object.fromEntries(names.map((key, i) => [key, given[i]!])), zeros).loss],
    { name, inputs, parameters: spec.params.map(({ variable }) => variable) },
  );
  const made = graph.nodes.flatMap(({ outputs }) => outputs);
  return {
    flops: graph.nodes.reduce((sum, node) => sum + flopsOf(node), 0),
    activationBytes: made.reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0),
  };
}

/** Zeros in place of random numbers: costs do not depend on values. */
const zeros: TraceRng = {
  uniform: (_, shape) => tf.zeros([...shape]),
  normal: (_, shape) => tf.zeros([...shape]),
};

function flopsOf({ kernel, inputs, outputs }: GraphNode): number {
  const [out] = outputs;
  switch (kernel) {
    case 'Conv2D': {
      const [height, width, channels] = inputs['filter']!.shape;
      return 2 * sizeOf(out!.shape) * height! * width! * channels!;
    }
    case 'BatchMatMul': {
      // Either operand may be transposed, so the inner size is found from the sizes of operand and result.
      const inner = sizeOf(inputs['a']!.shape.slice(-2)) / out!.shape.at(-2)!;
      return 2 * sizeOf(out!.shape) * inner;
    }
    case 'TesseraLinear':
      return 2 * sizeOf(out!.shape) * inputs['x']!.shape.at(-1)!;
    case 'TesseraAttention': {
      const [images, heads, queries, size] = inputs['q']!.shape;
      return 4 * images! * heads! * queries! * size! * inputs['k']!.shape[2]!;
    }
    default:
      return 0;
  }
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}

/** Stage two on one repeated image, encoded by an untrained tokenizer. Costs do not depend on the contents of images. */
export async function freshGenerator(
  { generator, seed }: Recipe,
  recipeParts: RecipeParts,
  { engine, data }: { engine: Engine; data: DataSet },
): Promise<Stage & { dispose(): void }> {
  const { plugin } = recipeParts.parts.tokenizer;
  const context = { engine, weights: freshWeights(seed) };
  const tokenizer = plugin.build(recipeParts.facts.configs.tokenizer, context);
  const weights = { backbone: freshWeights(seed), head: freshWeights(seed) };
  const built = buildTrained(engine, recipeParts, { tokenizer, weights });
  const { name, shape, values } = await encodeImages(tokenizer, await data.train.read(Int32Array.of(0)), 1);
  const split: EncodedSplit = {
    count: 1,
    copies: 1,
    label_N: Int32Array.of(-1),
    name,
    shape,
    read: ({ length }) => repeated(values, length),
  };
  const encoded = { train: split, validation: split };
  const stage = generatorStage({ engine, tokenizer, ...built, weights, encoded, recipe: generator!, seed });
  const held = [stage, built.backbone, built.head, tokenizer, weights.backbone, weights.head, context.weights];
  return { ...stage, dispose: () => disposeAll(held) };
}

function repeated<T extends Int32Array | Float32Array>(values: T, times: number): T {
  const all = new (values.constructor as new (length: number) => T)(times * values.length);
  for (let i = 0; i < times; i++) all.set(values, i * values.length);
  return all;
}
