import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import type { BoundBackbone, Condition, Encoded, Head, Order, Tokenizer, Tokens } from '@tessera/core';
import { keyedRng, tensorFrom, type TraceRng } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { nullable, schema, type Field, type FieldType } from '@tessera/schema';
import { trainingFields } from '../stage/optimiser.ts';
import type { Batch, Stage } from '../stage/stage.ts';

const { object, integer, number, optional } = schema;
const share = number({ min: 0, max: 1 });

const masking = object({
  /** The least share of tokens that a batch hides. At least one token is always hidden. */
  leastRate: share,
  /** Standard deviation of the share around 1. */
  deviation: optional(number({ min: 0.01, max: 10 }), 0.25),
  /** How many compiled programs serve all counts of hidden tokens. */
  programs: optional(integer({ min: 1 }), 2),
});

/** How masked prediction hides tokens. */
export type MaskingRecipe = FieldType<typeof masking>;

/** Masking of a recipe that does not say. The rates are those of MAR (arXiv 2406.11838, section 3.3). */
export const maskingDefaults: MaskingRecipe = masking.parse({ leastRate: 0.7 }, 'maskingDefaults');

const generator = object({
  ...trainingFields,
  /** Share of the images that are learnt without their condition, for guidance. */
  conditionDrop: optional(share, 0.1),
  /** For backbones that read estimates: train coarse scales first. */
  progressive: optional(
    nullable(object({ until: share, first: integer({ min: 1 }), fade: optional(integer({ min: 0 }), 0) })),
    null,
  ),
  /**
   * For backbones that read known tokens; null for `maskingDefaults`. A generator that is to write its last tokens one by
   * one must have trained on hidden shares as small as that.
   */
  masking: optional(nullable(masking), null),
});

/** Section `generator` of a recipe: stage two, backbone and head on the tokens of stage one. */
export type GeneratorRecipe = FieldType<typeof generator>;
export const generatorFields: Field<GeneratorRecipe> = generator;

/** The parts of a model in stage two. The tokenizer is frozen; backbone and head are trained. */
export interface GeneratorParts {
  readonly tokenizer: Tokenizer;
  /** The order whose steps the model is trained for. */
  readonly order: Order;
  readonly backbone: BoundBackbone;
  readonly head: Head;
}

/** The parts that a loss needs. */
export type LossParts = Omit<GeneratorParts, 'order'>;

/** Which batch: the optimiser step, its number among all batches, and how many images it has. */
export interface BatchKey {
  readonly step: number;
  readonly number: number;
  readonly images: number;
}

/** How a backbone is trained: the loss, and what its batches hold besides encodings and labels. */
export interface Objective {
  readonly loss: Stage['spec']['loss'];
  /** The same key gives the same tensors. */
  inputs(key: BatchKey): Batch;
  /** How many shapes its batches have. Each is compiled into a program of its own. */
  readonly programs: number;
  /** Names of the loss's aux values that are logged. */
  readonly figures: readonly string[];
}

export interface ObjectiveOptions {
  readonly parts: GeneratorParts;
  readonly recipe: GeneratorRecipe;
  readonly seed: number;
}

/**
 * The order in which each image of batch `number` is visited, and its inverse, the rank of each position: int32, both
 * [B, L]. Random stream: `lesson-order` (an older name, kept so that trainings stay reproducible), L uniforms per image.
 */
export function visitOrders(
  { tokenizer: { layout }, order }: Pick<GeneratorParts, 'tokenizer' | 'order'>,
  { images, number, seed }: Omit<BatchKey, 'step'> & { readonly seed: number },
): { order_BL: Tensor; rank_BL: Tensor } {
  const { length } = layout;
  const rng = keyedRng([seed]);
  const order_BL = new Int32Array(images * length);
  const rank_BL = new Int32Array(images * length);
  for (let image = 0; image < images; image++) {
    const key_L = rng.uniform({ row: 0, stream: 'lesson-order', step: number, position: image }, length);
    const visited = order.visit(layout, key_L);
    order_BL.set(visited, image * length);
    for (const [rank, position] of visited.entries()) rank_BL[image * length + position] = rank;
  }
  return {
    order_BL: tensorFrom(order_BL, [images, length], 'int32'),
    rank_BL: tensorFrom(rank_BL, [images, length], 'int32'),
  };
}

/** Names of a batch's conditions begin so: a batch is one flat record. */
const CONDITION = 'condition.';

/** The conditions of a batch: see `conditionTensors`. */
export interface BatchConditions {
  readonly [name: `${typeof CONDITION}${string}`]: Tensor;
}

/** The conditions of images as tensors of a batch. @throws TesseraError of the condition part */
export function conditionTensors({ encode }: Pick<BoundBackbone, 'encode'>, conditions: readonly Condition[]): Batch {
  const encoded = encode(conditions);
  return Object.fromEntries(Object.entries(encoded).map(([name, tensor]) => [CONDITION + name, tensor]));
}

/** The conditions of a batch, and its other tensors. */
export function splitBatch<B extends object>(batch: B): { readonly encoded: Encoded; readonly others: B } {
  const isCondition = ([name]: readonly [string, unknown]): boolean => name.startsWith(CONDITION);
  const entries = Object.entries(batch) as [string, Tensor][];
  return {
    encoded: Object.fromEntries(entries.filter(isCondition).map(([name, one]) => [name.slice(CONDITION.length), one])),
    others: Object.fromEntries(entries.filter((entry) => !isCondition(entry))) as B,
  };
}

/**
 * A share of the images that are learnt without their condition, so that the model also learns to predict without one
 * (classifier-free guidance, Ho and Salimans 2022, section 3.1): bool [B]. Random stream: `label-drop`, one uniform per image.
 */
export function droppedOf(images: number, rng: TraceRng, share: number): Tensor1D {
  return tf.less(rng.uniform('label-drop', [images]), share);
}

/** The tokens at these positions of each image, or all of them for null. Traceable. */
export function tokensAt(tokens: Tokens, positions_Bl: Tensor2D | null): Tokens {
  if (!positions_Bl) return tokens;
  const { values_BlC, index_Bl } = tokens;
  return {
    values_BlC: tf.gather(values_BlC, positions_Bl, 1, 1),
    ...(index_Bl && { index_Bl: tf.gather(index_Bl, positions_Bl, 1, 1) }),
  };
}

/** @throws TesseraError `tokenizer-not-next-scale` where a tokenizer estimates no scales */
export function requireEstimates({ estimates, layout }: Tokenizer): void {
  if (estimates) return;
  throw new TesseraError({
    code: 'tokenizer-not-next-scale',
    who: 'training',
    got: `a tokenizer of ${layout.scales.length} scale(s) without estimates`,
    expected: 'one of several scales, which estimates each from the coarser ones',
  });
}
