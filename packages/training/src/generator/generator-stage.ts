import type { BoundBackbone, ConditionSpace, Reads } from '@tessera/core';
import { type Engine, type Param, tensorFrom } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import type { FreshWeights } from '@tessera/models';
import { batchOrder, drawCopies } from '../data/batches.ts';
import { conditionsOf } from '../data/conditions.ts';
import { batchWithin, validate } from '../stage/image-batches.ts';
import { hyperOf, optimiserSpec } from '../stage/optimiser.ts';
import type { Batch, Stage } from '../stage/stage.ts';
import type { EncodedSplit } from '../tokenizers/encoded-split.ts';
import { causalObjective } from './causal.ts';
import { maskedObjective } from './masked.ts';
import { nextScaleObjective } from './next-scale.ts';
import { scalePartsObjective } from './scale-parts.ts';
import {
  type BatchKey,
  conditionTensors,
  type GeneratorParts,
  type GeneratorRecipe,
  type Objective,
  type ObjectiveOptions,
} from './objective.ts';

interface ObjectiveEntry {
  /** The section of `generator` in a recipe that this objective alone reads. */
  readonly section: 'progressive' | 'masking' | null;
  open(options: ObjectiveOptions): Objective;
}

/** All training objectives, by what a backbone reads. A new kind of backbone is one more entry. */
const objectives: { readonly [R in Reads]: ObjectiveEntry } = {
  estimate: { section: 'progressive', open: nextScaleObjective },
  known: { section: 'masking', open: maskedObjective },
  last: { section: null, open: causalObjective },
  scale: { section: null, open: scalePartsObjective },
};

/**
 * Opens the objective that fits the backbone. It visits tokens as the order does.
 * @throws TesseraError `recipe-misfit` for a section of the recipe that belongs to another objective
 */
export function openObjective(options: ObjectiveOptions): Objective {
  const { reads } = options.parts.backbone;
  for (const [needed, { section }] of Object.entries(objectives)) {
    if (section && options.recipe[section] && needed !== reads) throw sectionMisfit(section, { reads, needed });
  }
  return objectives[reads].open(options);
}

function sectionMisfit(section: string, { reads, needed }: { reads: string; needed: string }): TesseraError {
  return new TesseraError({
    code: 'recipe-misfit',
    who: 'training',
    got: `generator.${section} for a backbone that reads '${reads}'`,
    expected: `generator.${section} only where it reads '${needed}'`,
    next: `Remove generator.${section}, or exchange the backbone.`,
  });
}

interface GeneratorStageOptions extends GeneratorParts {
  readonly engine: Engine;
  /** The weights that backbone and head were built with. */
  readonly weights: { readonly backbone: FreshWeights; readonly head: FreshWeights };
  /** `validation` is null if no images are held out. */
  readonly encoded: { readonly train: EncodedSplit; readonly validation: EncodedSplit | null };
  readonly recipe: GeneratorRecipe;
  readonly seed: number;
  /** How the backbone's conditions are said. */
  readonly condition: Pick<ConditionSpace, 'classes'>;
  /** Trains an adapter of the backbone and nothing else; null trains backbone and head. */
  readonly adapted?: AdaptedBackbone | null;
}

/** A backbone whose matrices are computed from those of an adapter. */
export interface AdaptedBackbone {
  readonly params: readonly Param[];
  /** Builds the backbone within a traced loss. */
  build(): BoundBackbone;
}

/** Stage two: trains backbone and head on cached encodings, by the objective that fits backbone and order. */
export function generatorStage(options: GeneratorStageOptions): Stage & { dispose(): void } {
  const { engine, tokenizer, order, backbone, head, encoded, recipe, seed, condition } = options;
  const { validation } = encoded;
  const { steps, batch, accumulate } = recipe;
  const parts = { tokenizer, order, backbone, head };
  const objective = openObjective({ parts, recipe, seed });
  const spec = options.adapted
    ? adaptedSpec(options.adapted, { parts, recipe, seed })
    : { params: trainedParams(options.weights), loss: objective.loss };
  const trainStep = engine.compileTrainStep({ name: 'generator', ...spec, ...optimiserSpec(recipe) });
  const members = batchOrder(encoded.train.count, { batch, seed });
  const one = (split: EncodedSplit, chosen: Int32Array, key: Omit<BatchKey, 'images'>): Batch => ({
    ...encodedBatch(split, chosen, { seed, number: key.number }),
    ...conditionTensors(
      backbone,
      conditionsOf(split, condition, { members: chosen, key: { seed, number: key.number } }),
    ),
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

/** The objective around a backbone that is built again in every trace, so that gradients reach the adapter. */
function adaptedSpec({ params, build }: AdaptedBackbone, options: ObjectiveOptions): Stage['spec'] {
  return {
    params,
    loss: (batch, rng) => {
      const backbone = build();
      const result = openObjective({ ...options, parts: { ...options.parts, backbone } }).loss(batch, rng);
      backbone.dispose();
      return result;
    },
  };
}

/** The parameters of backbone and head for one optimiser, with prefixes that keep their names apart. */
function trainedParams({ backbone, head }: GeneratorStageOptions['weights']): Param[] {
  const prefixed = (part: string, weights: FreshWeights) =>
    weights.params.map((param) => ({ ...param, name: `${part}.${param.name}` }));
  return [...prefixed('backbone', backbone), ...prefixed('head', head)];
}

function encodedBatch(
  { name, shape, copies, read }: EncodedSplit,
  members: Int32Array,
  key: { seed: number; number: number },
): Batch {
  const values = read(members, copies > 1 ? drawCopies(members.length, copies, key) : undefined);
  const kind = values instanceof Int32Array ? 'int32' : 'float32';
  return { [name]: tensorFrom(values, [members.length, ...shape], kind) };
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
