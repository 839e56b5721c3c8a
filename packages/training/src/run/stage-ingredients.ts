import { existsSync } from 'node:fs';
import type { DataSet } from '../data/data-set.ts';
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

/**
 * Refuses before any work the checkpoints that their stages could not go on from, all at once, those of later stages
 * with them.
 * @throws TesseraError `recipe-changed`, `data-changed`
 */
export async function requireGoodCheckpoints(room: Ingredients & { readonly out: string }): Promise<void> {
  const { recipe, out } = room;
  const { judge, tokenizer, generator, model } = recipe;
  const looks = tokenizer && tokenizer.kind !== 'model' && tokenizer.loss.perceptual > 0;
  const stages = [
    judge?.kind === 'train' && { name: 'judge', madeOf: judgeMadeOf(room), feeds: looks ? ['tokenizer'] : [] },
    tokenizer &&
      tokenizer.kind !== 'model' &&
      model && { name: 'tokenizer', madeOf: tokenizerMadeOf(room, null), feeds: ['generator'] },
    generator && model && { name: 'generator', madeOf: generatorMadeOf(room, null), feeds: [] },
  ];
  const stale: StaleCheckpoint[] = [];
  const fed = new Map<string, string>();
  for (const stage of stages) {
    if (!stage) continue;
    const path = checkpointPath(out, stage.name);
    const why = fed.has(stage.name) && existsSync(path) ? `on the ${fed.get(stage.name)} of that training` : null;
    const found = (await staleCheckpoint(path, stage.madeOf)) ?? (why && { path, why });
    if (!found) continue;
    stale.push(found);
    for (const name of stage.feeds) fed.set(name, stage.name);
  }
  if (stale.length > 0) throw staleCheckpoints(stale);
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
