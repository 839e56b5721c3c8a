import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { openCheckpoint, toFloat32, writeSafetensors } from '@tessera/checkpoints';
import { TesseraError } from '@tessera/errors';

/** Named arrays of a training: parameters, moments, averages, counters. */
export type State = ReadonlyMap<string, { readonly data: Float32Array; readonly shape: readonly number[] }>;

/** All that a training needs to go on as if it had never stopped. */
export interface TrainingCheckpoint {
  /** Optimiser steps done. */
  readonly step: number;
  /** Time spent in steps so far. */
  readonly seconds: number;
  /** Hash of what must not change between runs: data, model, stage. */
  readonly fingerprint: string;
  readonly state: State;
}

/** Writes a checkpoint, whole or not at all. */
export async function saveCheckpoint(
  path: string,
  { step, seconds, fingerprint, state }: TrainingCheckpoint,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const tensors = [...state].map(([name, { data, shape }]) => ({
    name,
    dtype: 'float32' as const,
    shape,
    bytes: () => new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  }));
  await writeSafetensors(path, tensors, { step: String(step), seconds: String(seconds), fingerprint });
}

/**
 * Reads the checkpoint of a training, or null if there is none.
 * @throws TesseraError `recipe-changed` if it belongs to another recipe
 */
export async function loadCheckpoint(path: string, fingerprint: string): Promise<TrainingCheckpoint | null> {
  if (!existsSync(path)) return null;
  const file = await openCheckpoint(path);
  try {
    const found = String(file.values.get('fingerprint'));
    if (found !== fingerprint) {
      const next = 'Restore the recipe, choose another folder, or remove the checkpoint to begin anew.';
      throw new TesseraError({
        code: 'recipe-changed',
        who: path,
        got: 'a checkpoint of another recipe',
        expected: 'one of this recipe',
        next,
      });
    }
    const state = new Map<string, { data: Float32Array; shape: readonly number[] }>();
    for (const [name, { dtype, shape }] of file.tensors) {
      state.set(name, { data: toFloat32(await file.read(name), dtype, { who: path, name }), shape });
    }
    const number = (key: string) => Number(file.values.get(key));
    return { step: number('step'), seconds: number('seconds'), fingerprint, state };
  } finally {
    await file.close();
  }
}
