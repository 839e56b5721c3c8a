import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { buildBackbone } from '@tessera/core';
import { type Engine, tensorFrom } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { type FreshWeights, type ModelManifest, readManifest, type SavedTensor } from '@tessera/models';
import type { DataSet } from '../data/data-set.ts';
import type { LoadedRecipe, ModelRecipe, Recipe } from '../recipe/recipe.ts';
import { measuredConfigOf } from '../tokenizers/tokenizer-stage.ts';
import { namedFolder } from './named-folder.ts';
import type { RecipeParts } from './recipe-parts.ts';
import { fingerprint, readWeightFile } from './weight-files.ts';

/** The model that a fine-tuning starts from. */
export interface StartModel {
  readonly folder: string;
  readonly manifest: ModelManifest;
  /** Of the weights of backbone and head. */
  readonly sha256: string;
}

/** The names of a condition's parameters begin so. */
const CONDITION = 'condition.';

/** Components whose weights a fine-tuning continues. */
const CONTINUED = ['backbone', 'head'] as const;

/**
 * A recipe with the parts of the model that it starts from, with as many classes as the data has; and that model. A recipe
 * that starts from nothing stays as it is.
 * @throws TesseraError `unknown-model`, `weights-altered`, and what `readManifest` throws
 */
export async function withStart(
  loaded: LoadedRecipe,
  { classes }: Pick<DataSet, 'classes'>,
): Promise<{ readonly loaded: LoadedRecipe; readonly start: StartModel | null }> {
  const { recipe } = loaded;
  if (recipe.start === null) return { loaded, start: null };
  const folder = namedFolder(recipe.start, loaded.folder);
  const manifest = await readManifest(folder);
  const digests = await Promise.all(CONTINUED.map((component) => checkedDigest({ folder, manifest, component })));
  const kept = partsOfModel(manifest, classes.length);
  const model = recipe.condition ? told(kept, recipe.condition) : kept;
  const whole = { ...recipe, model, tokenizer: { kind: 'model', model: recipe.start } as const };
  return { loaded: { ...loaded, recipe: whole }, start: { folder, manifest, sha256: fingerprint(...digests) } };
}

async function checkedDigest({
  folder,
  manifest,
  component,
}: Pick<StartModel, 'folder' | 'manifest'> & { readonly component: (typeof CONTINUED)[number] }): Promise<string> {
  const path = weightFile({ folder, manifest }, component);
  const found = createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
  const expected = manifest[component].weights!.sha256;
  if (found === expected) return found;
  throw new TesseraError({
    code: 'weights-altered',
    who: path,
    got: `a file whose sha256 is ${found}`,
    expected: `${expected}, as model.json says`,
    next: 'Copy or download the model again.',
  });
}

function weightFile({ folder, manifest }: Pick<StartModel, 'folder' | 'manifest'>, component: 'backbone' | 'head') {
  return join(folder, manifest[component].weights?.file ?? 'no weights in model.json');
}

/** What was measured of the tokenizer is left out, as in every recipe. */
function partsOfModel(
  { tokenizer, order, backbone, head, condition, defaults }: ModelManifest,
  classes: number,
): ModelRecipe {
  const { measured } = measuredConfigOf(tokenizer.plugin);
  const own = Object.entries(tokenizer.config as object).filter(([name]) => !measured.includes(name));
  const part = ({ plugin, config }: ModelManifest['order']) => ({ plugin, config });
  return {
    tokenizer: { plugin: tokenizer.plugin, config: Object.fromEntries(own) },
    order: part(order),
    backbone: { plugin: backbone.plugin, config: withClasses(backbone.config, classes) },
    head: part(head),
    condition: condition && part(condition),
    defaults,
  };
}

/** The parts of a model, told another condition than its own. Classes go: by convention they are the backbone's own condition. */
function told(
  { backbone, ...parts }: ModelRecipe,
  { backbone: takes, ...condition }: NonNullable<Recipe['condition']>,
): ModelRecipe {
  const kept = Object.entries(backbone.config as object).filter(([name]) => name !== 'classes');
  return { ...parts, backbone: { ...backbone, config: { ...Object.fromEntries(kept), ...takes } }, condition };
}

/** The configuration of a backbone for so many classes: by convention they are its field `classes`. */
function withClasses(config: unknown, classes: number): unknown {
  return hasClasses(config) ? { ...config, classes } : config;
}

function hasClasses(config: unknown): config is { readonly classes: number } {
  return typeof config === 'object' && config !== null && 'classes' in config && typeof config.classes === 'number';
}

/** Names of the backbone's parameters that grow with the number of classes. It is built twice, from zeros. */
export function classTablesOf({ parts, facts }: RecipeParts, engine: Engine): ReadonlySet<string> {
  const { config, plugin } = parts.backbone;
  if (!hasClasses(config)) return new Set();
  const shapesWith = (classes: number): ReadonlyMap<string, string> => {
    const shapes = new Map<string, string>();
    const zeros: tf.Tensor[] = [];
    const param = (name: string, shape: readonly number[]) => {
      shapes.set(name, shape.join());
      zeros.push(tf.zeros([...shape]));
      return zeros.at(-1)!;
    };
    const { layout, space } = facts;
    const parsed = plugin.config.parse({ ...(config as object), classes }, plugin.name);
    const built = buildBackbone(
      { plugin, config: parsed, condition: parts.condition },
      { layout, space },
      { engine, weights: { param, has: () => false } },
    );
    built.dispose();
    tf.dispose(zeros);
    return shapes;
  };
  const [now, more] = [shapesWith(config.classes), shapesWith(config.classes + 1)];
  return new Set([...now.keys()].filter((name) => more.get(name) !== now.get(name)));
}

interface Destination {
  readonly weights: Readonly<Record<(typeof CONTINUED)[number], FreshWeights>>;
  /** Names of the classes of the data. */
  readonly classes: readonly string[];
  readonly classTables: ReadonlySet<string>;
  /** Whether the recipe has a condition of its own: its parameters stay fresh, and others that the model has not. */
  readonly isTold: boolean;
}

/**
 * Gives fresh weights the values of the model to start from. Of a table of classes, a class keeps its row if the model has
 * a class of that name; rows of other classes stay fresh. Rows beyond the classes (that of the null class) are kept.
 * Returns the names of the parameters that stay fresh as a whole.
 * @throws TesseraError `weights-mismatch`
 */
export async function continueFrom(
  start: StartModel,
  { weights, classes, classTables, isTold }: Destination,
): Promise<readonly string[]> {
  const fresh: string[] = [];
  for (const component of CONTINUED) {
    const path = weightFile(start, component);
    const found = new Map((await readWeightFile(path)).map((tensor) => [tensor.name, tensor]));
    const targets = [...weights[component].params, ...weights[component].buffers];
    for (const { name, variable } of targets) {
      const tensor = found.get(name);
      if (isTold && component === 'backbone' && (!tensor || name.startsWith(CONDITION))) {
        fresh.push(name);
        continue;
      }
      const isTable = component === 'backbone' && classTables.has(name);
      const rows = isTable
        ? keptRows(start.manifest.classes, classes, { from: tensor?.shape, to: variable.shape })
        : null;
      if (!tensor || (isTable ? rows === null : tensor.shape.join() !== variable.shape.join())) {
        throw misfit(path, { name, found: tensor?.shape, expected: variable.shape });
      }
      await assign(variable, { tensor, rows });
    }
  }
  return fresh;
}

/** For each row of the new table, the row of the old one that it keeps; null for a fresh one. Null if the tables do not fit. */
function keptRows(
  old: readonly string[],
  now: readonly string[],
  { from, to }: { readonly from: readonly number[] | undefined; readonly to: readonly number[] },
): readonly (number | null)[] | null {
  const extra = to[0]! - now.length;
  if (!from || extra < 0 || from[0] !== old.length + extra || from.slice(1).join() !== to.slice(1).join()) return null;
  const kept = now.map((name) => (old.includes(name) ? old.indexOf(name) : null));
  return [...kept, ...Array.from({ length: extra }, (_, i) => old.length + i)];
}

async function assign(
  variable: tf.Variable,
  { tensor, rows }: { readonly tensor: SavedTensor; readonly rows: readonly (number | null)[] | null },
): Promise<void> {
  let values = await tensor.values();
  if (rows) {
    const stored = values;
    const width = variable.size / rows.length;
    values = Float32Array.from((await variable.data()) as Float32Array);
    for (const [row, from] of rows.entries()) {
      if (from !== null) values.set(stored.subarray(from * width, (from + 1) * width), row * width);
    }
  }
  const made = tensorFrom(values, variable.shape);
  variable.assign(made);
  made.dispose();
}

function misfit(
  who: string,
  { name, found, expected }: { name: string; found: readonly number[] | undefined; expected: readonly number[] },
): TesseraError {
  return new TesseraError({
    code: 'weights-mismatch',
    who,
    got: found ? `${name} of [${found.join(', ')}]` : `no ${name}`,
    expected: `${name} of [${expected.join(', ')}], as the plug-ins here ask for`,
    next: 'Start from another model, or with the versions of the plug-ins that made this one.',
  });
}
