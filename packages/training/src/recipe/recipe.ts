import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { mostGuidance, type PreviewKind } from '@tessera/core';
import { parseJson, TesseraError } from '@tessera/errors';
import { folderName } from '@tessera/models';
import { anything, nullable, record, schema, type Field, type FieldType } from '@tessera/schema';
import { dataFields } from '../data/data-kinds.ts';
import { judgeFields } from '../evaluation/judge.ts';
import { adapterFields } from '../generator/adapter.ts';
import { generatorFields } from '../generator/objective.ts';
import { tokenizerFields } from '../tokenizers/tokenizer-stage.ts';

const { object, integer, number, string, choice, optional, refine } = schema;
const count = integer({ min: 1 });

/** A plug-in by name. It checks its own configuration. */
const part = object({ plugin: string(), config: anything });

const model = object({
  tokenizer: part,
  order: part,
  backbone: part,
  head: part,
  /** What images are to show, where it is not the backbone's own classes. */
  condition: optional(part, undefined),
  /** The settings of `generate` that the model is shipped with. They may change after training. */
  defaults: object({
    guidance: object({
      kind: choice('none', 'ramp', 'linear', 'constant'),
      scale: number({ min: 0, max: mostGuidance }),
    }),
    options: optional(record, {}),
    preview: optional(choice<PreviewKind>('none', 'linear', 'decoded'), 'linear'),
  }),
});

/** Section `model` of a recipe: the parts, and the defaults. */
export type ModelRecipe = FieldType<typeof model>;

const wholeRecipe = object({
  format: choice('tessera-recipe'),
  version: integer({ min: 1, max: 1 }),
  name: folderName,
  title: string(),
  description: optional(string(), ''),
  licence: optional(string(), 'unknown'),
  /** Decides initial parameters, the order of images, masks and every other random number. */
  seed: optional(integer({ min: 0 }), 0),
  data: dataFields,
  judge: optional(nullable(judgeFields), null),
  /** The model whose parts and weights the training starts from, in place of the sections `model` and `tokenizer`. */
  start: optional(nullable(string()), null),
  /**
   * What images are to show in place of what the model to start from is told, and the fields of its backbone's configuration
   * that take it (`attends`, `map`).
   */
  condition: optional(nullable(object({ plugin: string(), config: anything, backbone: optional(record, {}) })), null),
  /** Trains small matrices beside the products of the backbone, and the embeddings of classes, in place of everything. */
  adapter: optional(nullable(adapterFields), null),
  model: optional(nullable(model), null),
  tokenizer: optional(nullable(tokenizerFields), null),
  generator: optional(nullable(generatorFields), null),
  evaluation: optional(object({ samples: optional(count, 1000), neighbours: optional(count, 16) }), {
    samples: 1000,
    neighbours: 16,
  }),
});

const recipe = refine(wholeRecipe, ({ start, condition, adapter, model, tokenizer, generator }) => {
  if (adapter && start === null) return 'start with adapter: the model that it is for';
  if (condition && start === null) return 'model.condition where the training starts from no model';
  if (condition && adapter)
    return 'condition without adapter: an adapter leaves the weights of a new condition as they are';
  if (start === null) return null;
  if (model || tokenizer) return 'start without the sections model and tokenizer: the parts are those of the model';
  return generator ? null : 'start with a section generator';
});

/** A training from data to a model folder, as JSON. Each section is declared where it is used. */
export type Recipe = FieldType<typeof wholeRecipe>;

/** Parses untrusted JSON into a recipe, or names the wrong field in one sentence. */
export const recipeSchema: Field<Recipe> = recipe;

/** A recipe and the folder that its relative paths start at. */
export interface LoadedRecipe {
  readonly recipe: Recipe;
  readonly folder: string;
}

/**
 * Reads a recipe file, and those that it extends. All relative paths start at its own folder.
 * @throws TesseraError `recipe-missing`, `recipe-malformed`, `recipe-circular`, or `field-missing`, `field-invalid`,
 * `field-unknown` naming the field
 */
export async function readRecipe(path: string): Promise<LoadedRecipe> {
  return { recipe: recipeSchema.parse(await readWhole(path, []), path), folder: dirname(resolve(path)) };
}

/** The JSON of a file over that of the one it names in `extends`; `above` are the files that led here. */
async function readWhole(path: string, above: readonly string[]): Promise<unknown> {
  const refusal = { code: 'recipe-malformed', who: path, expected: 'a recipe in JSON', next: 'Correct the file.' };
  const json = renewed(parseJson(await bytesOf(path), refusal));
  if (!isObject(json) || !('extends' in json)) return json;
  const { extends: named, ...own } = json;
  const base = resolve(dirname(path), String(named));
  const files = [...above, resolve(path)];
  if (files.includes(base)) {
    const got = `extends = ${JSON.stringify(named)}, which leads back to it`;
    throw new TesseraError({
      code: 'recipe-circular',
      who: path,
      got,
      expected: 'a recipe that does not lead back to it',
    });
  }
  const under = await readWhole(base, files);
  return isObject(under) ? extendRecipe(under, own) : own;
}

async function bytesOf(path: string): Promise<Uint8Array> {
  return readFile(path).catch((cause: unknown) => {
    const next = 'Check the path.';
    throw new TesseraError({
      code: 'recipe-missing',
      who: path,
      got: 'no readable file',
      expected: 'a recipe',
      next,
      cause,
    });
  });
}

/** Recipes from before conditions were parts say `labelDrop` for `conditionDrop`. */
function renewed(json: unknown): unknown {
  if (!isObject(json) || !isObject(json['generator']) || !('labelDrop' in json['generator'])) return json;
  const { labelDrop, ...generator } = json['generator'];
  return { ...json, generator: { conditionDrop: labelDrop, ...generator } };
}

/** A recipe as its file has it, not yet checked. */
type RecipeJson = Readonly<Record<string, unknown>>;

/**
 * Applies a recipe to the one that it extends. The fields of its sections (`model.head`, `generator.steps`) replace those
 * of the base one by one, each as a whole. A section that names a kind replaces the whole section. So a part never keeps
 * fields of the part that it replaces.
 */
function extendRecipe(base: RecipeJson, own: RecipeJson): RecipeJson {
  const sections = Object.entries(own).map(([name, value]) => {
    const under = base[name];
    return [name, isObject(under) && isObject(value) && !('kind' in value) ? { ...under, ...value } : value] as const;
  });
  return { ...base, ...Object.fromEntries(sections) };
}

function isObject(value: unknown): value is RecipeJson {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
