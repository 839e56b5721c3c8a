import type { Backbone, Head, Order, Tokenizer } from '@tessera/core';
import { tensorFrom, type Engine, type Param } from '@tessera/engine';
import type { FreshWeights } from '@tessera/models';
import { batchOrder } from '../data/batch-order.ts';
import { drawFlips } from '../data/flip.ts';
import type { GeneratorRecipe } from '../recipe/recipe.ts';
import type { EncodedSplit } from './encoded-split.ts';
import { hyperOf, optimiserSpec } from './hyper.ts';
import type { LessonKey } from './lesson-plan.ts';
import { lessonsOf } from './lessons.ts';
import type { Batch, Stage } from './stage.ts';
import { batchWithin, validate } from './validation.ts';

/** What is trained, on what. */
export interface GeneratorStageOptions {
  readonly engine: Engine;
  readonly tokenizer: Tokenizer;
  /** Whose steps the lessons prepare for. */
  readonly order: Order;
  readonly backbone: Backbone;
  readonly head: Head;
  /** Where backbone and head took their parameters. */
  readonly weights: { readonly backbone: FreshWeights; readonly head: FreshWeights };
  /** Without validation where no images are held out. */
  readonly encoded: { readonly train: EncodedSplit; readonly validation: EncodedSplit | null };
  readonly recipe: GeneratorRecipe;
  readonly seed: number;
}

/** Stage two: backbone and head on cached encodings, in the lessons that the backbone can take and the order asks for. */
export function generatorStage(options: GeneratorStageOptions): Stage & { dispose(): void } {
  const { engine, tokenizer, order, backbone, head, encoded, recipe, seed } = options;
  const { validation } = encoded;
  const { steps, batch, accumulate } = recipe;
  const lessons = lessonsOf({ parts: { tokenizer, order, backbone, head }, recipe, seed });
  const spec: Stage['spec'] = { params: trainedParams(options.weights), loss: lessons.loss };
  const trainStep = engine.compileTrainStep({ name: 'generator', ...spec, ...optimiserSpec(recipe) });
  const members = batchOrder(encoded.train.count, { batch, seed });
  const one = (split: EncodedSplit, chosen: Int32Array, key: Omit<LessonKey, 'images'>): Batch => ({
    ...encodedBatch(split, chosen, { seed, number: key.number }),
    ...lessons.plan({ ...key, images: chosen.length }),
  });
  return {
    name: 'generator',
    steps,
    trainStep,
    spec,
    programs: lessons.programs,
    hyper: hyperOf(recipe, seed),
    batches: (step) =>
      Promise.resolve(
        Array.from({ length: accumulate }, (_, part) => {
          const number = step * accumulate + part;
          return one(encoded.train, members.batch(number), { step, number });
        }),
      ),
    figures: ({ aux }) => Object.fromEntries(lessons.figures.map((name) => [figureName(name), figureOf(aux[name]!)])),
    ...(validation && {
      validate: () =>
        validate(
          trainStep,
          heldOut(validation, batch, (chosen, chunk) =>
            // Numbers below zero are no training batch's: validation has lessons of its own, the same each time.
            one(validation, chosen, { step: steps, number: -1 - chunk }),
          ),
          lessons.figures,
        ),
    }),
    dispose: () => trainStep.dispose(),
  };
}

/** Backbone and head in one optimiser, under names that cannot meet. */
export function trainedParams({ backbone, head }: GeneratorStageOptions['weights']): Param[] {
  const prefixed = (part: string, weights: FreshWeights) =>
    weights.params.map((param) => ({ ...param, name: `${part}.${param.name}` }));
  return [...prefixed('backbone', backbone), ...prefixed('head', head)];
}

function encodedBatch(
  { name, shape, copies, label_N, read }: EncodedSplit,
  members: Int32Array,
  key: { seed: number; number: number },
): Batch {
  const values = read(members, copies > 1 ? drawFlips(members.length, key) : undefined);
  const kind = values instanceof Int32Array ? 'int32' : 'float32';
  return {
    [name]: tensorFrom(values, [members.length, ...shape], kind),
    label_B: tensorFrom(
      members.map((member) => label_N[member]!),
      [members.length],
      'int32',
    ),
  };
}

async function* heldOut(
  { count }: EncodedSplit,
  batch: number,
  make: (members: Int32Array, chunk: number) => Batch,
): AsyncGenerator<Batch> {
  const size = batchWithin(batch, count);
  for (let chunk = 0; (chunk + 1) * size <= count; chunk++) {
    yield make(
      Int32Array.from({ length: size }, (_, i) => chunk * size + i),
      chunk,
    );
  }
}

/** `scale_S` is logged as `scale`: the log has no axes. */
function figureName(name: string): string {
  return name.replace(/_[A-Za-z]+$/, '');
}

function figureOf(values: ArrayLike<number>): number | readonly number[] {
  return values.length === 1 ? values[0]! : Array.from(values);
}
