import { disposeAll } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import type { TraceableNetwork } from '@tessera/features';
import { freshWeights, type Plugins } from '@tessera/models';
import { augmentationOf } from '../data/augment.ts';
import type { DataSet } from '../data/data-set.ts';
import { judgeStage, openNamedJudge } from '../evaluation/judge.ts';
import type { LoadedRecipe, Recipe } from '../recipe/recipe.ts';
import type { TrainingRecipe } from '../stage/optimiser.ts';
import type { Stage } from '../stage/stage.ts';
import { type EncodedSplit, encodeImages } from '../tokenizers/encoded-split.ts';
import { openPerceptualNetwork, type PerceptualOptions, perceptualSource } from '../tokenizers/perceptual.ts';
import { type TokenizerRecipe, tokenizerStage } from '../tokenizers/tokenizer-stage.ts';
import { openGenerator } from './open-generator.ts';
import type { FittedParts, RecipeParts } from './recipe-parts.ts';
import type { StartModel } from './start-model.ts';

/** A stage that a recipe trains. */
interface PlannedStage {
  readonly training: TrainingRecipe;
  /** Opens it with new weights. */
  stage(): Promise<Stage & { dispose(): void }>;
}

interface PlanRequest {
  readonly loaded: LoadedRecipe;
  readonly engine: Engine;
  /** Third-party plug-ins, in addition to Tessera's own. */
  readonly plugins?: Partial<Plugins> | undefined;
}

/** What a recipe was opened with. */
interface PlannedOn {
  readonly data: DataSet;
  /** Null for a recipe of a judge alone. */
  readonly parts: FittedParts | null;
  readonly start: StartModel | null;
}

/** The stages that a recipe trains, in their order. None is opened yet. */
export function stagesOf(
  { loaded: { recipe, folder }, engine, plugins }: PlanRequest,
  { data, parts, start }: PlannedOn,
): PlannedStage[] {
  const { judge, tokenizer, generator, seed } = recipe;
  const planned: PlannedStage[] = [];
  if (judge?.kind === 'train') {
    planned.push({
      training: judge,
      stage: async () => judgeStage({ engine, data, recipe: judge, seed, augmentation: augmentationOf(recipe.data) }),
    });
  }
  if (!parts) return planned;
  if (tokenizer && tokenizer.kind !== 'model') {
    const config = parts.facts.configs.tokenizer;
    const stage = async () => {
      const options = { image: data.image, folder, networks: plugins?.networks };
      const network = await perceptualNetwork(tokenizer, { judge, options });
      const augmentation = augmentationOf(recipe.data);
      const stage = tokenizerStage({ engine, data, recipe: tokenizer, config, seed, augmentation, network });
      return { ...stage, dispose: () => disposeAll([stage, ...(network ? [network] : [])]) };
    };
    planned.push({ training: tokenizer, stage });
  }
  if (generator)
    planned.push({ training: generator, stage: () => freshGenerator(recipe, parts, { engine, data, start }) });
  return planned;
}

/** What a perceptual term looks through. A judge that is still to be trained is left out. */
async function perceptualNetwork(
  { loss }: TokenizerRecipe,
  { judge, options }: { readonly judge: Recipe['judge']; readonly options: PerceptualOptions },
): Promise<TraceableNetwork | null> {
  const source = perceptualSource(loss.perceptual);
  if (typeof source === 'object') return openPerceptualNetwork(source.network, options);
  return source === 'judge' && judge ? openNamedJudge(judge, options.folder) : null;
}

/** Stage two on one repeated image, encoded by an untrained tokenizer. Costs do not depend on the contents of images. */
async function freshGenerator(
  recipe: Recipe,
  recipeParts: RecipeParts,
  { engine, data, start }: { engine: Engine; data: DataSet; start: StartModel | null },
): Promise<Stage & { dispose(): void }> {
  const { plugin } = recipeParts.parts.tokenizer;
  const context = { engine, weights: freshWeights(recipe.seed) };
  const tokenizer = plugin.build(recipeParts.facts.configs.tokenizer, context);
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
  const opened = await openGenerator({ recipe, engine, data, start }, recipeParts, { tokenizer, encoded });
  return { ...opened.stage, dispose: () => disposeAll([opened, tokenizer, context.weights]) };
}

function repeated<T extends Int32Array | Float32Array>(values: T, times: number): T {
  const all = new (values.constructor as new (length: number) => T)(times * values.length);
  for (let i = 0; i < times; i++) all.set(values, i * values.length);
  return all;
}
