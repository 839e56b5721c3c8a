import { cp, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { toFloat16Bytes, writeSafetensors, type WritableTensor } from '@tessera/checkpoints';
import { sha256Of } from './digest.ts';
import { buffersKey } from './file-weights.ts';
import { finiteWeights } from './finite-weights.ts';
import type { FreshWeights } from './fresh-weights.ts';
import { parseManifest, weightedComponents, type WeightedComponent } from './manifest.ts';
import type { ModelManifest } from './model.ts';

/** A tensor of a component, under its official name. */
export interface SavedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Kept in the file for trainers and for export; the model itself does not read it. */
  readonly buffer?: boolean;
  /** The file that it comes from: for errors. */
  readonly from?: string;
  /** Asked for when its turn comes. */
  values(): Float32Array | Promise<Float32Array>;
}

export type SavedDType = 'float32' | 'float16';

export interface SaveModelRequest {
  /** What `weights` say in it is replaced. */
  readonly manifest: ModelManifest;
  readonly tensors: Readonly<Record<WeightedComponent, readonly SavedTensor[]>>;
  readonly dtype: SavedDType;
}

/**
 * Writes a model folder, whole or not at all: into a temporary neighbour, which then takes its place. Of a folder that
 * was there before, everything else (a card, pictures) is kept.
 * @throws TesseraError weights-not-finite, number-out-of-range for a weight that float16 does not hold, and for a manifest that
 * `readManifest` would refuse
 */
export async function saveModel(folder: string, { manifest, tensors, dtype }: SaveModelRequest): Promise<void> {
  await replaceFolder(folder, async (temporary) => {
    const entries = new Map<WeightedComponent, ModelManifest[WeightedComponent]>();
    for (const component of weightedComponents) {
      const file = `${component}.safetensors`;
      await writeWeights(join(temporary, file), tensors[component], { dtype, who: join(folder, file) });
      const weights = { file, sha256: await sha256Of(join(temporary, file)) };
      entries.set(component, { ...manifest[component], weights });
    }
    const whole = parseManifest({ ...manifest, ...Object.fromEntries(entries) }, join(folder, 'model.json'));
    await writeFile(join(temporary, 'model.json'), `${JSON.stringify(whole, null, 2)}\n`);
  });
}

/** Parameters and buffers of a training, as they are when their turn to be written comes. */
export function savedTensors({ params, buffers }: Pick<FreshWeights, 'params' | 'buffers'>): SavedTensor[] {
  const saved =
    (buffer: boolean) =>
    ({ name, variable }: FreshWeights['buffers'][number]) => ({
      name,
      shape: variable.shape,
      buffer,
      values: async () => (await variable.data()) as Float32Array,
    });
  return [...params.map(saved(false)), ...buffers.map(saved(true))];
}

/** One component's file; `who` is the file that errors name. */
export async function writeWeights(
  path: string,
  tensors: readonly SavedTensor[],
  { dtype, who = path }: { readonly dtype: SavedDType; readonly who?: string },
): Promise<void> {
  const buffers = tensors.filter(({ buffer }) => buffer).map(({ name }) => name);
  await writeSafetensors(
    path,
    tensors.map((tensor) => writable(tensor, { who, dtype })),
    buffers.length > 0 ? { [buffersKey]: buffers.sort().join(' ') } : {},
  );
}

/** Buffers stay as they are: they count, and counts may be beyond what a half holds. */
function writable(
  { name, shape, buffer, from, values }: SavedTensor,
  { who, dtype: asked }: { readonly who: string; readonly dtype: SavedDType },
): WritableTensor {
  const dtype = buffer ? 'float32' : asked;
  return {
    name,
    shape,
    dtype,
    bytes: async () => {
      const of = { who: from ?? who, name };
      const data = buffer ? await values() : finiteWeights(await values(), of);
      if (dtype === 'float16') return toFloat16Bytes(data, of);
      return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    },
  };
}

/**
 * Fills a temporary folder and puts it in the place of `folder`, whose other entries are kept; on failure everything is
 * as before.
 */
export async function replaceFolder(folder: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  const target = resolve(folder);
  const beside = (what: string): string => join(dirname(target), `.${basename(target)}.${process.pid}.${what}`);
  const [temporary, old] = [beside('new'), beside('old')];
  await mkdir(temporary, { recursive: true });
  try {
    await fill(temporary);
    await keepOthers(target, temporary);
    const replaced = await renameIfThere(target, old);
    try {
      await rename(temporary, target);
    } catch (error) {
      if (replaced) await rename(old, target);
      throw error;
    }
    if (replaced) await rm(old, { recursive: true });
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

async function keepOthers(from: string, to: string): Promise<void> {
  const written = new Set(await listing(to));
  for (const name of await listing(from)) {
    if (!written.has(name)) await cp(join(from, name), join(to, name), { recursive: true });
  }
}

async function listing(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function renameIfThere(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
