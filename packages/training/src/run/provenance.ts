import { existsSync } from 'node:fs';
import { augmentationOf, variesBesidesFlips, varietyOf } from '../data/augment.ts';
import type { DataSet } from '../data/data-set.ts';
import type { ModelRecipe, Recipe } from '../recipe/recipe.ts';
import type { JsonLog } from '../report/training-log.ts';
import { type Provenance, staleCheckpoint, type StaleCheckpoint, staleCheckpoints } from '../stage/checkpoint.ts';
import { checkpointPath } from '../stage/stage.ts';
import { perceptualSource } from '../tokenizers/perceptual.ts';
import type { StartModel } from './start-model.ts';
import { fingerprint } from './weight-files.ts';

/** SHA-256 digests of a run's data: pixels in their order, and the labels beside them. */
export interface DataDigests {
  readonly images: string;
  readonly labels: string;
  /** What conditions other than classes read of the images; absent where nothing is known. */
  readonly inputs?: string;
  readonly validation: string;
  /** What is known of the training images besides their classes. */
  readonly attributes: string;
  /** Of the weights that the training starts from; absent without any. */
  readonly start?: string;
}

/** Reads all pixels of the training and validation splits. The test split affects no training. */
export async function digestsOf(
  { train, validation, attributes = [] }: DataSet,
  start: StartModel | null,
): Promise<DataDigests> {
  return {
    ...(start && { start: start.sha256 }),
    images: await train.digest(),
    labels: fingerprint([...train.label_N]),
    ...(train.inputs && { inputs: fingerprint(train.inputs) }),
    validation: fingerprint(await validation.digest(), [...validation.label_N]),
    attributes: fingerprint(attributes, [...(train.attribute_NA ?? [])]),
  };
}

interface Ingredients {
  readonly recipe: Recipe;
  readonly digests: DataDigests;
}

/** What the training of a judge depends on. */
export function judgeProvenance({ recipe, digests }: Ingredients): Provenance {
  return {
    recipe: fingerprint('judge', recipe.seed, judgeSection(recipe), ...judgeAugmentation(recipe)),
    ...ofImages(digests),
    labels: digests.labels,
    ...(learnsAttributes(recipe) && { attributes: digests.attributes }),
  };
}

/** What the training of a tokenizer depends on. `judge` is the digest of the weights that its perceptual term looks through, if it has one. */
export function tokenizerProvenance({ recipe, digests }: Ingredients, judge: string | null): Provenance {
  const { seed, data, tokenizer, model } = recipe;
  return {
    recipe: fingerprint('tokenizer', seed, augmentationKey(data), withoutCadence(tokenizer), model!.tokenizer),
    ...ofImages(digests),
    ...(judge !== null && { judge }),
  };
}

/** What the training of a generator depends on. `tokenizer` is the digest of its weights, null while it is not known yet. */
export function generatorProvenance({ recipe, digests }: Ingredients, tokenizer: string | null): Provenance {
  const { seed, data, generator, model, adapter } = recipe;
  const sections = [generatorSection(generator), trainedParts(model!), ...(adapter ? [adapter] : [])];
  return {
    recipe: fingerprint('generator', seed, encodingKey(data), ...sections),
    ...ofImages(digests),
    labels: digests.labels,
    ...(model!.condition && digests.inputs !== undefined && { inputs: digests.inputs }),
    ...(digests.start !== undefined && { 'weights to start from': digests.start }),
    ...(tokenizer !== null && { tokenizer }),
  };
}

function ofImages({ images, validation }: DataDigests): Provenance {
  return { 'training images': images, 'validation images': validation };
}

/** Checkpoints from before images varied in other ways record only whether they were mirrored. */
function augmentationKey(data: Recipe['data']): unknown {
  return variesBesidesFlips(data) ? augmentationOf(data) : data.flips;
}

/** The generator sees varied images only in the copies that are encoded of them. */
function encodingKey(data: Recipe['data']): unknown {
  return data.copies > 0 ? varietyOf(data) : data.flips;
}

function learnsAttributes({ judge }: Recipe): boolean {
  return judge?.kind === 'train' && judge.attributes;
}

/** Checkpoints from before judges learned attributes, or had residual blocks, know no such fields. */
function judgeSection(recipe: Recipe): object {
  const { attributes, blocks, ...section }: Record<string, unknown> = { ...withoutCadence(recipe.judge) };
  const deep = Array.isArray(blocks) && blocks.length > 0;
  return { ...section, ...(attributes === true && { attributes }), ...(deep && { blocks }) };
}

function judgeAugmentation({ data }: Recipe): readonly unknown[] {
  return data.flips || variesBesidesFlips(data) ? [augmentationOf(data)] : [];
}

/** A model without its defaults, which may change after training. */
function trainedParts({ tokenizer, order, backbone, head, condition }: ModelRecipe): object {
  return { tokenizer, order, backbone, head, ...(condition && { condition }) };
}

/** A stage's section without `every`, which does not change what it learns. */
function withoutCadence(section: object | null): object {
  return Object.fromEntries(Object.entries(section ?? {}).filter(([name]) => name !== 'every'));
}

/** Checkpoints from before conditions were parts know `conditionDrop` by the name `labelDrop`. */
function generatorSection(section: Recipe['generator']): object {
  const named = Object.entries(withoutCadence(section)).map(([name, value]) => {
    return [name === 'conditionDrop' ? 'labelDrop' : name, value] as const;
  });
  return Object.fromEntries(named);
}

/** A stage that a recipe trains. */
interface TrainedStage {
  readonly name: string;
  /** As far as it is known before any stage has run. */
  readonly provenance: Provenance;
  /** The stage that is trained on the result of this one. */
  readonly feeds: string | null;
}

function trainedStages(run: Ingredients): TrainedStage[] {
  const { judge, tokenizer, generator, model } = run.recipe;
  const own = tokenizer && tokenizer.kind !== 'model' ? tokenizer : null;
  const usesJudge = own !== null && perceptualSource(own.loss.perceptual) === 'judge';
  const stages: TrainedStage[] = [];
  if (judge?.kind === 'train') {
    stages.push({ name: 'judge', provenance: judgeProvenance(run), feeds: usesJudge ? 'tokenizer' : null });
  }
  if (model && own) stages.push({ name: 'tokenizer', provenance: tokenizerProvenance(run, null), feeds: 'generator' });
  if (model && generator) stages.push({ name: 'generator', provenance: generatorProvenance(run, null), feeds: null });
  return stages;
}

/**
 * Refuses, before any work, checkpoints that their stages could not continue from: all at once, with the checkpoints of
 * the stages that build on them. @throws TesseraError `recipe-changed`, `data-changed`
 */
export async function requireFreshCheckpoints(run: Ingredients & { readonly out: string }): Promise<void> {
  const stale: StaleCheckpoint[] = [];
  const fedBy = new Map<string, string>();
  for (const { name, provenance, feeds } of trainedStages(run)) {
    const path = checkpointPath(run.out, name);
    const why = fedBy.has(name) && existsSync(path) ? `on the ${fedBy.get(name)} of that training` : null;
    const found = (await staleCheckpoint(path, provenance)) ?? (why && { path, why });
    if (!found) continue;
    stale.push(found);
    if (feeds) fedBy.set(feeds, name);
  }
  if (stale.length > 0) throw staleCheckpoints(stale);
}

/** Removes from the log the stages that the recipe does not train any more. */
export async function forgetOtherStages(run: Ingredients & { readonly log: JsonLog }): Promise<void> {
  const stages = trainedStages(run);
  for (const name of ['judge', 'tokenizer', 'generator']) {
    if (!stages.some((stage) => stage.name === name)) await run.log.rewind(name, 0);
  }
}
