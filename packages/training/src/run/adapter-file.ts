import { join } from 'node:path';
import { openCheckpoint, toFloat32, writeSafetensors } from '@tessera/checkpoints';
import { parseJson, TesseraError } from '@tessera/errors';
import { type ModelManifest, readManifest, saveModel, type SavedTensor } from '@tessera/models';
import { schema, type FieldType } from '@tessera/schema';
import { type Adapter, loraNames, mergedMatrix } from '../generator/adapter.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { StartModel } from './start-model.ts';
import { readWeightFile } from './weight-files.ts';

const { choice, integer, list, number, object, string } = schema;

/** What an adapter file says of itself, as JSON under `adapter` in its metadata. */
const adapterFacts = object({
  format: choice('tessera-adapter'),
  version: integer({ min: 1, max: 1 }),
  /** The model that it is for: its name, and the SHA-256 of the weights of its backbone. */
  base: string(),
  sha256: string(),
  /** What the product of the small matrices is multiplied by. */
  scale: number({ min: 0 }),
  name: string(),
  title: string(),
  description: string(),
  licence: string(),
  data: string(),
  classes: list(string(), { max: 2 ** 20 }),
});
type AdapterFacts = FieldType<typeof adapterFacts>;

interface AdapterOrigin {
  readonly recipe: Recipe;
  readonly data: { readonly name: string; readonly classes: readonly string[] };
  readonly start: StartModel | null;
}

/** Writes a trained adapter apart from its model, in float32. */
export async function writeAdapter(
  path: string,
  adapter: Adapter,
  { recipe, data, start }: AdapterOrigin,
): Promise<void> {
  const { manifest } = start!;
  const { rank, alpha } = recipe.adapter!;
  const facts: AdapterFacts = {
    format: 'tessera-adapter',
    version: 1,
    base: manifest.name,
    sha256: manifest.backbone.weights!.sha256,
    scale: alpha / rank,
    name: recipe.name,
    title: recipe.title,
    description: recipe.description,
    licence: recipe.licence,
    data: data.name,
    classes: data.classes,
  };
  const tensors = adapter.apart().map(({ name, shape, values }) => ({
    name,
    shape,
    dtype: 'float32' as const,
    bytes: async () => {
      const { buffer, byteOffset, byteLength } = await values();
      return new Uint8Array(buffer, byteOffset, byteLength);
    },
  }));
  await writeSafetensors(path, tensors, { adapter: JSON.stringify(facts) });
}

/**
 * Writes a model folder: a model with an adapter added to its backbone, and the adapter's classes. The weights are those
 * that the adapter's own training wrote.
 * @throws TesseraError `adapter-misfit` for a file that is no adapter, or one of another model, and those of the files
 */
export async function mergeAdapter(folder: string, adapter: string, out: string): Promise<ModelManifest> {
  const manifest = await readManifest(folder);
  const { facts, tensors } = await readAdapter(adapter);
  const { sha256 } = manifest.backbone.weights ?? { sha256: 'none' };
  if (facts.sha256 !== sha256) {
    throw new TesseraError({
      code: 'adapter-misfit',
      who: adapter,
      got: `${manifest.name}, whose backbone has the sha256 ${sha256}`,
      expected: `the model that it was trained beside: ${facts.base}, ${facts.sha256}`,
      next: 'Name that model.',
    });
  }
  const read = (component: 'tokenizer' | 'backbone' | 'head') =>
    readWeightFile(join(folder, manifest[component].weights!.file));
  const backbone = (await read('backbone')).map((tensor) => withAdapter(tensor, { facts, tensors }));
  const merged = mergedManifest(manifest, facts);
  const parts = { tokenizer: await read('tokenizer'), backbone, head: await read('head') };
  await saveModel(out, { manifest: merged, tensors: parts, dtype: 'float16' });
  return merged;
}

function mergedManifest(
  base: ModelManifest,
  { name, title, description, licence, data, classes }: AdapterFacts,
): ModelManifest {
  const { config } = base.backbone;
  const hasClasses = typeof config === 'object' && config !== null && 'classes' in config;
  const backbone = { ...base.backbone, config: hasClasses ? { ...config, classes: classes.length } : config };
  const { format, version, tokenizer, order, head, defaults } = base;
  const facts = { name, title, description, licence, data, classes };
  return { format, version, ...facts, tokenizer, order, backbone, head, defaults };
}

interface ReadAdapter {
  readonly facts: AdapterFacts;
  readonly tensors: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;
}

async function readAdapter(path: string): Promise<ReadAdapter> {
  const file = await openCheckpoint(path);
  try {
    const refusal = { code: 'adapter-misfit', who: path, expected: 'an adapter that a training wrote' };
    const text = file.values.get('adapter');
    if (typeof text !== 'string')
      throw new TesseraError({ ...refusal, got: 'a file that does not say it is an adapter' });
    const facts = adapterFacts.parse(
      parseJson(new TextEncoder().encode(text), { ...refusal, next: 'Copy it again.' }),
      path,
    );
    const tensors = new Map<string, { shape: readonly number[]; data: Float32Array }>();
    for (const { name, shape, dtype } of file.tensors.values()) {
      tensors.set(name, { shape, data: toFloat32(await file.read(name), dtype, { who: path, name }) });
    }
    return { facts, tensors };
  } finally {
    await file.close();
  }
}

/** A tensor of the backbone with what the adapter adds to it, or in its place. */
function withAdapter(tensor: SavedTensor, { facts: { scale }, tensors }: ReadAdapter): SavedTensor {
  const table = tensors.get(tensor.name);
  if (table) return { ...tensor, shape: table.shape, values: () => table.data };
  const { a, b } = loraNames(tensor.name);
  const [a_rI, b_Or] = [tensors.get(a), tensors.get(b)];
  if (!a_rI || !b_Or) return tensor;
  const pair = { a_rI: a_rI.data, b_Or: b_Or.data, rank: a_rI.shape[0]!, scale };
  return { ...tensor, values: async () => mergedMatrix(await tensor.values(), pair) };
}
