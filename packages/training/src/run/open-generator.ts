import { buildBackbone, disposeAll, type Held, type Tokenizer } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import { freshWeights, savedTensors, type SavedTensor } from '@tessera/models';
import { type Adapter, openAdapter } from '../generator/adapter.ts';
import { type AdaptedBackbone, generatorStage } from '../generator/generator-stage.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { Stage } from '../stage/stage.ts';
import type { EncodedSplit } from '../tokenizers/encoded-split.ts';
import { buildTrained, type RecipeParts } from './recipe-parts.ts';
import { classTablesOf, continueFrom, type StartModel } from './start-model.ts';

interface GeneratorRequest {
  readonly recipe: Recipe;
  readonly engine: Engine;
  readonly data: { readonly classes: readonly string[] };
  readonly start: StartModel | null;
}

interface GeneratorInputs {
  readonly tokenizer: Tokenizer;
  /** The images as the tokenizer encodes them. */
  readonly encoded: { readonly train: EncodedSplit; readonly validation: EncodedSplit | null };
}

/** A generator that is about to be trained. */
interface OpenGenerator {
  readonly stage: Stage;
  /** The adapter that is trained; null where everything is. */
  readonly adapter: Adapter | null;
  /** Names of parameters that are new beside those of the model that the recipe starts from: its condition is another. */
  readonly fresh: readonly string[];
  /** The tensors of the model that it is at the last `sync`. */
  tensors(): Readonly<Record<'backbone' | 'head', readonly SavedTensor[]>>;
  dispose(): void;
}

/**
 * Builds what stage two trains: new weights, or those of the model that the recipe starts from, and their adapter if it has
 * one.
 * @throws TesseraError `weights-mismatch`, `adapter-misfit`, and what the parts throw
 */
export async function openGenerator(
  { recipe, engine, data, start }: GeneratorRequest,
  recipeParts: RecipeParts,
  { tokenizer, encoded }: GeneratorInputs,
): Promise<OpenGenerator> {
  const { seed } = recipe;
  const weights = { backbone: freshWeights(seed), head: freshWeights(seed) };
  const built = buildTrained(engine, recipeParts, { tokenizer, weights });
  const held: Held[] = [built.backbone, built.head, weights.backbone, weights.head];
  try {
    const classTables = start ? classTablesOf(recipeParts, engine) : new Set<string>();
    const isTold = recipe.condition !== null;
    const fresh = start ? await continueFrom(start, { weights, classes: data.classes, classTables, isTold }) : [];
    const adapter = recipe.adapter && openAdapter(weights.backbone, { recipe: recipe.adapter, classTables, seed });
    if (adapter) held.unshift(adapter);
    const adapted = adapter && adaptedBackbone(engine, recipeParts, adapter);
    const { condition } = recipeParts.facts;
    const parts = { engine, tokenizer, ...built, weights, encoded, condition };
    const stage = generatorStage({ ...parts, recipe: recipe.generator!, seed, adapted });
    held.unshift(stage);
    return {
      stage,
      adapter,
      fresh,
      tensors: () => ({
        backbone: adapter ? adapter.merged() : savedTensors(weights.backbone),
        head: savedTensors(weights.head),
      }),
      dispose: () => disposeAll(held),
    };
  } catch (error) {
    disposeAll(held);
    throw error;
  }
}

function adaptedBackbone(engine: Engine, { parts, facts }: RecipeParts, adapter: Adapter): AdaptedBackbone {
  const { configs, layout, space } = facts;
  const { plugin } = parts.backbone;
  const trained = { plugin, config: configs.backbone, condition: parts.condition };
  return {
    params: adapter.params,
    build: () => buildBackbone(trained, { layout, space }, { engine, weights: adapter.weights }),
  };
}
