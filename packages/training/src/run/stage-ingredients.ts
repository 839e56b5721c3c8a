import { existsSync } from 'node:fs';
import type { DataSet } from '../data/data-set.ts';
import type { JsonLog } from '../report/json-log.ts';
import type { ModelRecipe, Recipe, TokenizerRecipe } from '../recipe/recipe.ts';
import { staleCheckpoint } from '../trainer/checkpoint.ts';
import { staleCheckpoints, type MadeOf, type StaleCheckpoint } from '../trainer/made-of.ts';
import { checkpointPath } from '../trainer/run-stage.ts';
import { fingerprint } from './weight-file.ts';

/** The data of a run as its stages see it: pixels in their order, and the labels beside them. */
export interface DataDigests {
  readonly images: string;
  readonly labels: string;
  readonly validation: string;
}

/** Reads all pixels of the splits that are trained on and validated with; the data of the final figures is not among them. */
export async function digestsOf({ train, validation }: DataSet): Promise<DataDigests> {
  return {
    images: await train.digest(),
    labels: fingerprint([...train.label_N]),
    validation: fingerprint(await validation.digest(), [...validation.label_N]),
  };
}

interface Ingredients {
  readonly recipe: Recipe;
  readonly digests: DataDigests;
}

/** What the training of a judge depends on. */
export function judgeMadeOf({ recipe, digests }: Ingredients): MadeOf {
  return {
    recipe: fingerprint('judge', recipe.seed, deciding(recipe.judge as { readonly every: unknown })),
    ...ofImages(digests),
    labels: digests.labels,
  };
}

/** What the training of a tokenizer depends on; `judge` is the digest of the weights that it looks through, if it does. */
export function tokenizerMadeOf({ recipe, digests }: Ingredients, judge: string | null): MadeOf {
  const own = recipe.tokenizer as TokenizerRecipe;
  return {
    recipe: fingerprint('tokenizer', recipe.seed, flipsOf(recipe), deciding(own), recipe.model!.tokenizer),
    ...ofImages(digests),
    ...(judge !== null && { judge }),
  };
}

/** What the training of a generator depends on; `tokenizer` is the digest of its weights, null where it is not known yet. */
export function generatorMadeOf({ recipe, digests }: Ingredients, tokenizer: string | null): MadeOf {
  const { model, generator, seed } = recipe;
  return {
    recipe: fingerprint('generator', seed, flipsOf(recipe), deciding(generator!), trainedParts(model!)),
    ...ofImages(digests),
    labels: digests.labels,
    ...(tokenizer !== null && { tokenizer }),
  };
}

function ofImages({ images, validation }: DataDigests): MadeOf {
  return { 'training images': images, 'validation images': validation };
}

/** A stage that a recipe trains. */
interface TrainedStage {
  readonly name: string;
  /** As far as it is known before any stage has run. */
  readonly madeOf: MadeOf;
  /** The stage that learns from what this one makes. */
  readonly feeds: string | null;
}

function trainedStages(room: Ingredients): TrainedStage[] {
  const { judge, tokenizer, generator, model } = room.recipe;
  const own = tokenizer && tokenizer.kind !== 'model' ? tokenizer : null;
  const looks = own !== null && own.loss.perceptual > 0;
  const stages: TrainedStage[] = [];
  if (judge?.kind === 'train') {
    stages.push({ name: 'judge', madeOf: judgeMadeOf(room), feeds: looks ? 'tokenizer' : null });
  }
  if (model && own) stages.push({ name: 'tokenizer', madeOf: tokenizerMadeOf(room, null), feeds: 'generator' });
  if (model && generator) stages.push({ name: 'generator', madeOf: generatorMadeOf(room, null), feeds: null });
  return stages;
}

/**
 * Refuses before any work the checkpoints that their stages could not go on from, all at once, those of later stages
 * with them. @throws TesseraError `recipe-changed`, `data-changed`
 */
export async function requireGoodCheckpoints(room: Ingredients & { readonly out: string }): Promise<void> {
  const stale: StaleCheckpoint[] = [];
  const fed = new Map<string, string>();
  for (const { name, madeOf, feeds } of trainedStages(room)) {
    const path = checkpointPath(room.out, name);
    const why = fed.has(name) && existsSync(path) ? `on the ${fed.get(name)} of that training` : null;
    const found = (await staleCheckpoint(path, madeOf)) ?? (why && { path, why });
    if (!found) continue;
    stale.push(found);
    if (feeds) fed.set(feeds, name);
  }
  if (stale.length > 0) throw staleCheckpoints(stale);
}

/** Forgets what the log says of stages that the recipe does not train any more. */
export async function forgetOtherStages(room: Ingredients & { readonly log: JsonLog }): Promise<void> {
  const stages = trainedStages(room);
  for (const name of ['judge', 'tokenizer', 'generator']) {
    if (!stages.some((stage) => stage.name === name)) await room.log.rewind(name, 0);
  }
}

/** A model without its defaults, which may change after training. */
function trainedParts({ tokenizer, order, backbone, head }: ModelRecipe): object {
  return { tokenizer, order, backbone, head };
}

/** A stage's recipe without its habits of logging. */
function deciding(recipe: { readonly every: unknown }): object {
  return Object.fromEntries(Object.entries(recipe).filter(([name]) => name !== 'every'));
}

/** Whether training sees mirrored images too. */
export function flipsOf({ data }: Recipe): boolean {
  return data.kind === 'folder' && data.flips;
}
