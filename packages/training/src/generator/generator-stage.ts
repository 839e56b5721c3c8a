import { type Engine, type Param, tensorFrom } from '@tessera/engine';
import type { FreshWeights } from '@tessera/models';
import { batchOrder, drawFlips } from '../data/batches.ts';
import { batchWithin, validate } from '../stage/image-batches.ts';
import { hyperOf, optimiserSpec } from '../stage/optimiser.ts';
import type { Batch, Stage } from '../stage/stage.ts';
import type { EncodedSplit } from '../tokenizers/encoded-split.ts';
import type { BatchKey, GeneratorParts, GeneratorRecipe } from './objective.ts';
import { openObjective } from './objectives.ts';

export interface GeneratorStageOptions extends GeneratorParts {
  readonly engine: Engine;
  /** The weights that backbone and head were built with. */
  readonly weights: { readonly backbone: FreshWeights; readonly head: FreshWeights };
  /** `validation` is null if no images are held out. */
  readonly encoded: { readonly train: EncodedSplit; readonly validation: EncodedSplit | null };
  readonly recipe: GeneratorRecipe;
  readonly seed: number;
}

/** Stage two: trains backbone and head on cached encodings, by the objective that fits backbone and order. */
export function generatorStage(options: GeneratorStageOptions): Stage & { dispose(): void } {
  const { engine, tokenizer, order, backbone, head, encoded, recipe, seed } = options;
  const { validation } = encoded;
  const { steps, batch, accumulate } = recipe;
  const objective = openObjective({ parts: { tokenizer, order, backbone, head }, recipe, seed });
  const spec: Stage['spec'] = { params: trainedParams(options.weights), loss: objective.loss };
  const trainStep = engine.compileTrainStep({ name: 'generator', ...spec, ...optimiserSpec(recipe) });
  const members = batchOrder(encoded.train.count, { batch, seed });
  const one = (split: EncodedSplit, chosen: Int32Array, key: Omit<BatchKey, 'images'>): Batch => ({
    ...encodedBatch(split, chosen, { seed, number: key.number }),
    ...objective.inputs({ ...key, images: chosen.length }),
  });
  return {
    name: 'generator',
    steps,
    trainStep,
    spec,
    programs: objective.programs,
    hyper: hyperOf(recipe, seed),
    batches: (step) =>
      Promise.resolve(
        Array.from({ length: accumulate }, (_, part) => {
          const number = step * accumulate + part;
          return one(encoded.train, members.batch(number), { step, number });
        }),
      ),
    figures: ({ aux }) => Object.fromEntries(objective.figures.map((name) => [figureName(name), figureOf(aux[name]!)])),
    ...(validation && {
      validate: () =>
        validate(
          trainStep,
          heldOut(validation, batch, (chosen, chunk) =>
            // Negative numbers belong to no training batch: validation batches are the same each time, and never trained on.
            one(validation, chosen, { step: steps, number: -1 - chunk }),
          ),
          objective.figures,
        ),
    }),
    dispose: () => trainStep.dispose(),
  };
}

/** The parameters of backbone and head for one optimiser, with prefixes that keep their names apart. */
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

/** Logs `scale_S` as `scale`, without its axes. */
function figureName(name: string): string {
  return name.replace(/_[A-Za-z]+$/, '');
}

function figureOf(values: ArrayLike<number>): number | readonly number[] {
  return values.length === 1 ? values[0]! : Array.from(values);
}
