import { join } from 'node:path';
import {
  buildAround,
  checkParts,
  type Composition,
  disposeAll,
  disposedAfter,
  type GuidancePlugin,
  type Held,
  type PartFacts,
  type Parts,
  type Tokenizer,
} from '@tessera/core';
import type { Engine } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import {
  checkRequest,
  fileWeights,
  freshWeights,
  guidancesOf,
  type FreshWeights,
  type ModelManifest,
  planOf,
  type Plugins,
  readManifest,
  resolveParts,
} from '@tessera/models';
import { imagesOfClasses } from '@tessera/request';
import type { DataSet, ImageSize } from '../data/data-set.ts';
import type { LoadedRecipe, ModelRecipe, Recipe } from '../recipe/recipe.ts';
import { measuredConfigOf, type TakenTokenizer, trainedBy } from '../tokenizers/tokenizer-stage.ts';
import { checkConditions } from './check-conditions.ts';
import { namedFolder } from './named-folder.ts';

/** The parts that a recipe names, checked against each other. */
export interface RecipeParts {
  readonly parts: Parts;
  readonly facts: PartFacts;
  /** What the defaults of its model may name as `guidanceBy`. */
  readonly guidances: readonly GuidancePlugin[];
}

interface FitRequest {
  readonly loaded: LoadedRecipe;
  readonly engine: Engine;
  /** Third-party plug-ins, in addition to Tessera's own. */
  readonly plugins?: Partial<Plugins> | undefined;
}

/** The tokenizer of another model, whose weights a recipe takes. */
interface FoundTokenizer {
  /** Its weight file. */
  readonly path: string;
  readonly parameters: number;
}

/** Parts that fit each other and the data. */
export interface FittedParts extends RecipeParts {
  /** The tokenizer of another model, if the recipe takes its weights. */
  readonly taken: FoundTokenizer | null;
}

/**
 * Finds the parts of a recipe and tries them on its data, before any work. Null for a recipe without a model.
 * @throws TesseraError `recipe-incomplete`, `recipe-misfit`, and what `partsOf`, `checkDefaults`, `tryBuilding` and
 * `findTokenizer` throw
 */
export async function fitParts(request: FitRequest, data: DataSet): Promise<FittedParts | null> {
  const { loaded, engine, plugins } = request;
  const { recipe } = loaded;
  const who = recipe.name;
  if (!recipe.model) return null;
  if (!recipe.generator && (!recipe.tokenizer || recipe.tokenizer.kind === 'model')) {
    const got = 'a model without a stage to train';
    const expected = 'a section generator, or a section tokenizer that trains one';
    throw new TesseraError({ code: 'recipe-incomplete', who, got, expected });
  }
  const parts = partsOf(recipe, plugins);
  checkConditions(who, parts.facts.condition, data);
  checkDefaults(recipe, parts, data);
  const { image, parameters } = tryBuilding(engine, parts);
  checkSize(who, image, data.image);
  if (!recipe.tokenizer && parameters > 0)
    throw untrained(who, `${recipe.model.tokenizer.plugin}, of ${parameters} parameters`);
  const taken = recipe.tokenizer?.kind === 'model' ? recipe.tokenizer : null;
  return { ...parts, taken: taken && (await findTokenizer(parts, { ...request, taken })) };
}

/**
 * Finds the plug-ins of a recipe, its own first, and checks that they agree.
 * @throws TesseraError `recipe-incomplete` for a recipe without a model, or without a stage that its tokenizer needs,
 * `recipe-tokenizer`, `recipe-misfit`, `plugin-unknown`, and what `checkParts` throws
 */
export function partsOf({ name: who, model, tokenizer: stage }: Recipe, extra: Partial<Plugins> = {}): RecipeParts {
  if (!model) throw new TesseraError({ code: 'recipe-incomplete', who, got: 'no model', expected: 'one to train' });
  const parts = resolveParts(model, who, extra);
  const tokenizer = { ...parts.tokenizer, config: initialConfig(model, stage, who) };
  const initial = { ...parts, tokenizer };
  const facts = checkParts(initial);
  const { guidances } = guidancesOf(model, { parts: initial, facts }, extra);
  return { parts: initial, facts, guidances };
}

/** The tokenizer's configuration before anything is measured. A stage that trains must be of the kind of the plug-in. */
function initialConfig({ tokenizer }: ModelRecipe, stage: Recipe['tokenizer'], who: string): object {
  const config = tokenizer.config as object;
  const kind = trainedBy(tokenizer.plugin);
  if (!stage && kind) throw untrained(who, tokenizer.plugin);
  if (!stage) return config;
  if (stage.kind === 'model' || stage.kind === kind) return measuredConfigOf(tokenizer.plugin).initial(config, who);
  throw new TesseraError({
    code: 'recipe-tokenizer',
    who,
    got: `the tokenizer ${tokenizer.plugin} with a stage of the kind ${stage.kind}`,
    expected: kind ? `a stage of the kind ${kind}` : 'another plug-in: no stage trains this one',
    next: kind
      ? 'Correct model.tokenizer.plugin or tokenizer.kind.'
      : 'Leave the section tokenizer out if it has no parameters; else take its weights by tokenizer.kind = model.',
  });
}

/** Error `recipe-incomplete`: the tokenizer has parameters, but the recipe has no stage that trains it. */
function untrained(who: string, tokenizer: string): TesseraError {
  return new TesseraError({
    code: 'recipe-incomplete',
    who,
    got: `no section tokenizer with the tokenizer ${tokenizer}`,
    expected: 'a stage that trains it, or a model to take it from',
    next: 'Add the section tokenizer: only a tokenizer without parameters can do without it.',
  });
}

function checkSize(who: string, own: ImageSize, given: ImageSize): void {
  const [wanted, got] = [own, given].map(({ height, width, channels }) => `${height} x ${width} x ${channels}`);
  if (wanted === got) return;
  throw new TesseraError({
    code: 'recipe-misfit',
    who,
    got: `images of ${got} (data.size = ${given.height})`,
    expected: `${wanted}, which the tokenizer is built for`,
    next: own.channels === given.channels ? 'Correct data.size or model.tokenizer.config.' : 'Correct the channels.',
  });
}

/**
 * Finds the tokenizer that a recipe takes from another model, and checks its weights against the recipe's configuration.
 * @throws TesseraError `unknown-model`, `weights-mismatch` for other names or shapes, `recipe-tokenizer` for fields that
 * the weights depend on, and what `readManifest` throws
 */
async function findTokenizer(
  { parts, facts }: RecipeParts,
  { loaded: { recipe, folder }, engine, plugins, taken }: FitRequest & { readonly taken: TakenTokenizer },
): Promise<FoundTokenizer> {
  const model = namedFolder(taken.model, folder);
  const manifest = await readManifest(model);
  const { plugin, config } = resolveParts(manifest, model, plugins).tokenizer;
  const own = facts.configs.tokenizer;
  checkFixedFields(recipe.name, {
    plugin: parts.tokenizer.plugin.name,
    own,
    theirs: plugin.config.parse(config, model),
  });
  const path = join(model, manifest.tokenizer.weights!.file);
  const weights = await fileWeights(path);
  try {
    parts.tokenizer.plugin.build(own, { engine, weights }).dispose();
    weights.finish();
    return { path, parameters: weights.parameters };
  } finally {
    weights.dispose();
  }
}

/** Fields that weights depend on although no shape shows it must have the values that the weights were trained with. */
function checkFixedFields(
  who: string,
  { plugin, own, theirs }: { plugin: string; own: unknown; theirs: unknown },
): void {
  const [wanted, trained] = [own, theirs].map((config) => config as Readonly<Record<string, unknown>>);
  for (const field of measuredConfigOf(plugin).fixed) {
    const [got, expected] = [wanted, trained].map((config) => JSON.stringify(config![field]));
    if (got === expected) continue;
    throw new TesseraError({
      code: 'recipe-tokenizer',
      who,
      got: `model.tokenizer.config.${field} = ${got}`,
      expected: `${expected}, with which the weights were trained`,
      next: `Correct ${field}, or take the tokenizer of another model.`,
    });
  }
}

/**
 * Builds the parts that stage two trains, and the order that it trains them for, around a frozen tokenizer.
 * @throws TesseraError as `buildAround` of core, which names the plug-in at fault
 */
export function buildTrained(
  engine: Engine,
  { parts, facts }: Pick<RecipeParts, 'parts' | 'facts'>,
  { tokenizer, weights }: { tokenizer: Tokenizer; weights: Readonly<Record<'backbone' | 'head', FreshWeights>> },
): Omit<Composition, 'tokenizer'> {
  return buildAround(parts, facts, { engine, tokenizer, weights });
}

/** Properties of a tokenizer that are known only when it is built. */
interface BuiltTokenizer {
  readonly image: ImageSize;
  /** Number of its weights, including those that are not trained. */
  readonly parameters: number;
}

/** Builds every part once and disposes it, so that errors of parts appear before a tokenizer is trained. */
export function tryBuilding(engine: Engine, recipeParts: RecipeParts): BuiltTokenizer {
  const { parts, facts } = recipeParts;
  const [own, backbone, head] = [freshWeights(0), freshWeights(0), freshWeights(0)];
  const held: Held[] = [own, backbone, head];
  let found: BuiltTokenizer;
  try {
    const tokenizer = parts.tokenizer.plugin.build(facts.configs.tokenizer, { engine, weights: own });
    held.unshift(tokenizer);
    const built = buildTrained(engine, recipeParts, { tokenizer, weights: { backbone, head } });
    held.unshift(built.backbone, built.head);
    const parameters = [...own.params, ...own.buffers].reduce((sum, { variable }) => sum + variable.size, 0);
    found = { image: tokenizer.image, parameters };
  } catch (error) {
    throw disposedAfter(error, held);
  }
  disposeAll(held);
  return found;
}

/** The manifest of the model that a recipe makes. `config` is the tokenizer's configuration; left out, as it begins. */
export function manifestOf(
  recipe: Recipe,
  data: Pick<DataSet, 'name' | 'classes'>,
  { facts, config = facts.configs.tokenizer }: { readonly facts: PartFacts; readonly config?: unknown },
): ModelManifest {
  const { tokenizer, order, backbone, head, condition, defaults } = recipe.model!;
  return {
    format: 'tessera-model',
    version: 1,
    name: recipe.name,
    title: recipe.title,
    description: recipe.description,
    licence: recipe.licence,
    data: data.name,
    classes: facts.condition.classes === null ? [] : data.classes,
    tokenizer: { plugin: tokenizer.plugin, config },
    order,
    backbone,
    head,
    ...(condition && { condition }),
    defaults,
  };
}

/**
 * Checks the default settings of the model that a recipe will make, before anything is trained.
 * @throws TesseraError what `planOf` of @tessera/models throws, by the recipe's name
 */
export function checkDefaults(
  recipe: Recipe,
  { parts, facts, guidances }: RecipeParts,
  data: Pick<DataSet, 'name' | 'classes'>,
): void {
  const manifest = manifestOf(recipe, data, { facts });
  const outlined = { manifest, parts, facts, guidances };
  planOf(outlined, checkRequest(outlined, { images: imagesOfClasses([-1]), seed: 0 }));
}
