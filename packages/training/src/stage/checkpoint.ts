import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Checkpoint, openCheckpoint, toFloat32, writeSafetensors } from '@tessera/checkpoints';
import { TesseraError } from '@tessera/errors';

/** Named arrays of a training: parameters, moments, averages, counters. */
export type State = ReadonlyMap<string, { readonly data: Float32Array; readonly shape: readonly number[] }>;

/** Everything that a training needs to continue as if it had not stopped. */
interface TrainingCheckpoint {
  /** Optimiser steps done. */
  readonly step: number;
  /** Time spent in steps so far. */
  readonly seconds: number;
  /** What must not change between runs: recipe, images, and the results of earlier stages. */
  readonly provenance: Provenance;
  readonly state: State;
}

/** Writes a checkpoint, whole or not at all. */
export async function saveCheckpoint(
  path: string,
  { step, seconds, provenance, state }: TrainingCheckpoint,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const tensors = [...state].map(([name, { data, shape }]) => ({
    name,
    dtype: 'float32' as const,
    shape,
    bytes: () => new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  }));
  await writeSafetensors(path, tensors, {
    step: String(step),
    seconds: String(seconds),
    madeOf: provenanceText(provenance),
  });
}

/** Opens a checkpoint of one's own. No download replaces a damaged one, so the advice is to begin the stage again. */
async function openOwn(path: string): Promise<Checkpoint> {
  try {
    return await openCheckpoint(path);
  } catch (error) {
    if (!(error instanceof TesseraError)) throw error;
    throw new TesseraError({ ...error.parts, next: 'Remove the file to begin this stage again.', cause: error });
  }
}

/** Checks whether a training can continue from its checkpoint, if there is one; `provenance` is what is known so far. */
export async function staleCheckpoint(path: string, provenance: Provenance): Promise<StaleCheckpoint | null> {
  if (!existsSync(path)) return null;
  const file = await openOwn(path);
  try {
    const why = whyStale(readProvenance(file.values), provenance);
    return why === null ? null : { path, why };
  } finally {
    await file.close();
  }
}

/**
 * Reads the checkpoint of a training, or null if there is none.
 * @throws TesseraError `recipe-changed`, `data-changed` if it belongs to another training
 */
export async function loadCheckpoint(path: string, provenance: Provenance): Promise<TrainingCheckpoint | null> {
  if (!existsSync(path)) return null;
  const file = await openOwn(path);
  try {
    const why = whyStale(readProvenance(file.values), provenance);
    if (why !== null) throw staleCheckpoints([{ path, why }]);
    const state = new Map<string, { data: Float32Array; shape: readonly number[] }>();
    for (const [name, { dtype, shape }] of file.tensors) {
      state.set(name, { data: toFloat32(await file.read(name), dtype, { who: path, name }), shape });
    }
    const number = (key: string) => Number(file.values.get(key));
    return { step: number('step'), seconds: number('seconds'), provenance, state };
  } finally {
    await file.close();
  }
}

/**
 * What a file was made from: a digest for each ingredient. The names appear in messages: `recipe`, `training images`.
 * A file of an earlier run is only used again if all digests are the same.
 */
export type Provenance = Readonly<Record<string, string>>;

/** The text that is kept in the metadata of a safetensors file, under `madeOf`. */
export function provenanceText(provenance: Provenance): string {
  return JSON.stringify(provenance);
}

/** Reads the provenance from a file's metadata; null if there is none. */
export function readProvenance(values: ReadonlyMap<string, unknown>): Provenance | null {
  try {
    const found: unknown = JSON.parse(String(values.get('madeOf')));
    return typeof found === 'object' ? (found as Provenance | null) : null;
  } catch {
    return null;
  }
}

/** Why a file cannot be used again, in words; null if it can. Only the ingredients of `wanted` are compared. */
export function whyStale(found: Provenance | null, wanted: Provenance): string | null {
  if (!found) return 'it does not record what it was made from';
  const changed = Object.keys(wanted).filter((name) => found[name] !== wanted[name]);
  return changed.length === 0 ? null : `other ${new Intl.ListFormat('en').format(changed)}`;
}

/** A checkpoint that its training cannot continue from. */
export interface StaleCheckpoint {
  readonly path: string;
  readonly why: string;
}

/** One error for all stale checkpoints: `recipe-changed` if one has another recipe, else `data-changed`. */
export function staleCheckpoints(stale: readonly StaleCheckpoint[]): TesseraError {
  const one = stale.length === 1;
  const recipe = stale.some(({ why }) => why.includes('recipe'));
  return new TesseraError({
    code: recipe ? 'recipe-changed' : 'data-changed',
    who: stale[0]!.path,
    got: stale
      .map(({ path, why }, i) => `${i === 0 ? 'a checkpoint' : path} of an earlier training (${why})`)
      .join(', '),
    expected: 'the recipe and the images that it began with',
    next: `Restore them, train into another folder (--out), or remove ${one ? 'the file' : 'these files'} to begin ${one ? 'this stage' : 'these stages'} again.`,
  });
}
