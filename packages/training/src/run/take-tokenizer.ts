import { isAbsolute, join, resolve } from 'node:path';

import type { Engine } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { fileWeights, findModel, modelRoots, readManifest, resolveParts, type Plugins } from '@tessera/models';
import { reconstructAll } from '../evaluation/reconstruct.ts';
import type { LoadedRecipe } from '../recipe/read-recipe.ts';
import type { TakenTokenizer } from '../recipe/recipe.ts';
import { measuresOf } from '../tokenizers/tokenizer-kinds.ts';
import type { RecipeParts } from './parts.ts';
import { drawReconstructions } from './reconstruction-grid.ts';
import type { Room } from './room.ts';
import { openTokenizerFile, type TokenizerFile } from './tokenizer-file.ts';
import { readWeightFile, writeWeightFile } from './weight-file.ts';

/** The tokenizer of a model, whose weights a recipe takes. */
export interface FoundTokenizer {
  /** Its weight file. */
  readonly path: string;
  readonly parameters: number;
}

export interface FindRequest {
  readonly loaded: LoadedRecipe;
  readonly engine: Engine;
  /** Besides Tessera's own. */
  readonly plugins?: Partial<Plugins> | undefined;
  readonly taken: TakenTokenizer;
}

/**
 * Finds the tokenizer that a recipe takes from a model, and tries its weights on the recipe's configuration.
 * @throws TesseraError `unknown-model`, `weights-mismatch` for other names or shapes, `recipe-tokenizer` for fields that
 * the weights rely on, and what `readManifest` throws
 */
export async function findTokenizer(
  { parts, facts }: RecipeParts,
  { loaded: { recipe, folder }, engine, plugins, taken }: FindRequest,
): Promise<FoundTokenizer> {
  const model = modelFolder(taken.model, folder);
  const manifest = await readManifest(model);
  const { plugin, config } = resolveParts(manifest, model, plugins).tokenizer;
  const own = facts.configs.tokenizer;
  checkRelied({ plugin: parts.tokenizer.plugin.name, own, theirs: plugin.config.parse(config, model) }, recipe.name);
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

/** Paths start at the recipe's folder; names are looked for around the working folder, then around the recipe. */
function modelFolder(named: string, folder: string): string {
  const isPath = isAbsolute(named) || /^\.|[/\\]/.test(named);
  return findModel(isPath ? resolve(folder, named) : named, [...modelRoots(), ...modelRoots(folder)]).folder;
}

/** Fields that no shape shows must be those that the weights were trained with. */
function checkRelied({ plugin, own, theirs }: { plugin: string; own: unknown; theirs: unknown }, who: string): void {
  const [wanted, trained] = [own, theirs].map((config) => config as Readonly<Record<string, unknown>>);
  for (const field of measuresOf(plugin).relied) {
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

const SHOWN = 32;

/**
 * Stage one without a training: copies the weights that were taken, as float16, or none, and draws what the tokenizer
 * makes of images.
 */
export async function keepTokenizer(
  room: Room,
  parts: RecipeParts & { readonly taken: FoundTokenizer | null },
): Promise<TokenizerFile> {
  const { engine, data, out } = room;
  const path = join(out, 'tokenizer.safetensors');
  const tensors = parts.taken ? await readWeightFile(parts.taken.path) : [];
  const sha256 = await writeWeightFile(
    path,
    tensors.filter(({ buffer }) => !buffer),
  );
  const config = parts.facts.configs.tokenizer;
  const { tokenizer, dispose } = await openTokenizerFile(engine, parts, { path, config });
  try {
    const split = data.validation.count > 0 ? data.validation : data.train;
    const real = await split.read(Int32Array.from({ length: Math.min(SHOWN, split.count) }, (_, i) => i));
    const made = await reconstructAll(engine, tokenizer, { pixels: real, image: data.image });
    await drawReconstructions(room, { real, made }, 0);
  } finally {
    dispose();
  }
  return { path, sha256 };
}
