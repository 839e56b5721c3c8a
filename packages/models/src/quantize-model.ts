import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openCheckpoint, writeSafetensors, type Checkpoint, type WritableTensor } from '@tessera/checkpoints';
import { usedInt8Form, storedBytes, type Int8Form } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { imagesOfClasses } from '@tessera/request';
import { codesOf, scaleOf } from './int8-file.ts';
import { weightedComponents, type ModelManifest, type WeightedComponent } from './manifest.ts';
import { modelFolder } from './model-folder.ts';
import { loadModel, type OpenModelOptions } from './model.ts';
import { replaceFolder } from './save-model.ts';
import { sha256Of } from './weight-files.ts';
import type { ModelWeights } from './weights.ts';

/** Codes and scales by the name of the weight. */
type Forms = ReadonlyMap<string, Int8Form>;

/** Bytes of the weight files. */
export interface QuantizedSizes {
  readonly before: number;
  readonly after: number;
}

/**
 * Writes a model folder whose linear layers are stored in 8 bits: those by which one image is multiplied when the model is opened
 * with the precision int8. It makes the same images as the model does in that precision. Measures of the model are left out,
 * since they were taken in float32.
 * @param engine with the precision int8
 * @throws TesseraError model-exists, int8-already, and what `openModel` throws
 */
export async function quantizeModel(folder: string, out: string, options: OpenModelOptions): Promise<QuantizedSizes> {
  requireFree(out);
  const source = modelFolder(folder);
  let weights: ModelWeights | null = null;
  const openWeights = async (manifest: ModelManifest) => (weights = await source.openWeights(manifest));
  const model = await loadModel({ ...source, openWeights }, options);
  try {
    if (Object.values(weights!).some(({ isInt8 }) => isInt8)) throw alreadyInt8(source.who);
    for await (const event of model.generate({ images: imagesOfClasses([-1]), seed: 0, preview: 'none' })) void event;
    const { manifest } = model;
    const written: QuantizedSizes[] = [];
    await replaceFolder(out, async (temporary) => {
      const entries = new Map<WeightedComponent, ModelManifest[WeightedComponent]>();
      for (const component of weightedComponents) {
        const { file } = manifest[component].weights!;
        const path = join(temporary, file);
        written.push(await writeReduced(join(folder, file), path, weights![component]));
        entries.set(component, { ...manifest[component], weights: { file, sha256: await sha256Of(path) } });
      }
      const { metrics, ...facts } = manifest;
      void metrics;
      const defaults = { ...manifest.defaults, precision: 'int8' };
      const whole = { ...facts, ...Object.fromEntries(entries), defaults };
      await writeFile(join(temporary, 'model.json'), `${JSON.stringify(whole, null, 2)}\n`);
    });
    const sum = (key: keyof QuantizedSizes): number => written.reduce((total, sizes) => total + sizes[key], 0);
    return { before: sum('before'), after: sum('after') };
  } finally {
    model.dispose();
  }
}

/** Copies a weight file, with codes and scales in place of the weights that have them. */
async function writeReduced(
  from: string,
  to: string,
  weights: ModelWeights[WeightedComponent],
): Promise<QuantizedSizes> {
  const file = await openCheckpoint(from);
  try {
    const forms: Forms = new Map(
      [...weights.taken].flatMap(([name, tensor]) => {
        const form = usedInt8Form(tensor);
        return form ? [[name, form] as const] : [];
      }),
    );
    const tensors = [...file.tensors.values()].flatMap((entry) => reduced(file, entry.name, forms.get(entry.name)));
    await writeSafetensors(to, tensors, metadataOf(file));
    return { before: sizeOf(file), after: sizeOf(await reopened(to)) };
  } finally {
    await file.close();
  }
}

function reduced(file: Checkpoint, name: string, form: Int8Form | undefined): WritableTensor[] {
  const { dtype, shape } = file.tensors.get(name)!;
  if (!form) return [{ name, dtype, shape, bytes: () => file.read(name) }];
  const bytes = (tensor: Int8Form['scale_O']) => () => storedBytes(tensor, name);
  return [
    { name: codesOf(name), dtype: 'int8', shape: form.codes_IO.shape, bytes: bytes(form.codes_IO) },
    { name: scaleOf(name), dtype: 'float32', shape: form.scale_O.shape, bytes: bytes(form.scale_O) },
  ];
}

function metadataOf({ values }: Checkpoint): Record<string, string> {
  return Object.fromEntries([...values].filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

async function reopened(path: string): Promise<Checkpoint> {
  const file = await openCheckpoint(path);
  await file.close();
  return file;
}

function sizeOf({ tensors }: Checkpoint): number {
  return [...tensors.values()].reduce((sum, { location }) => sum + (location?.byteLength ?? 0), 0);
}

function requireFree(out: string): void {
  if (!existsSync(join(out, 'model.json'))) return;
  throw new TesseraError({
    code: 'model-exists',
    who: 'quantizeModel',
    got: `${out}, which holds a model`,
    expected: 'a new folder',
    next: 'Choose another one, or move the model away.',
  });
}

function alreadyInt8(who: string): TesseraError {
  return new TesseraError({
    code: 'int8-already',
    who,
    got: 'a model whose weights are stored in 8 bits',
    expected: 'one in float32 or float16',
    next: 'Take the model from which it was made.',
  });
}
