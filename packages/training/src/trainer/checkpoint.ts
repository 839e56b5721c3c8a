import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { openCheckpoint, toFloat32, writeSafetensors, type Checkpoint } from '@tessera/checkpoints';
import { TesseraError } from '@tessera/errors';
import { madeOfText, readMadeOf, staleCheckpoints, whyStale, type MadeOf, type StaleCheckpoint } from './made-of.ts';

/** Named arrays of a training: parameters, moments, averages, counters. */
export type State = ReadonlyMap<string, { readonly data: Float32Array; readonly shape: readonly number[] }>;

/** All that a training needs to go on as if it had never stopped. */
export interface TrainingCheckpoint {
  /** Optimiser steps done. */
  readonly step: number;
  /** Time spent in steps so far. */
  readonly seconds: number;
  /** What must not change between runs: recipe, images, and what earlier stages made. */
  readonly madeOf: MadeOf;
  readonly state: State;
}

/** Writes a checkpoint, whole or not at all. */
export async function saveCheckpoint(
  path: string,
  { step, seconds, madeOf, state }: TrainingCheckpoint,
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
    madeOf: madeOfText(madeOf),
  });
}

/** No download brings it back: where it is damaged, its stage can begin again without it. */
async function openOwn(path: string): Promise<Checkpoint> {
  try {
    return await openCheckpoint(path);
  } catch (error) {
    if (!(error instanceof TesseraError)) throw error;
    throw new TesseraError({ ...error.parts, next: 'Remove the file to begin this stage again.', cause: error });
  }
}

/** Looks whether a training can go on from a checkpoint, if there is one; `madeOf` is what is known so far. */
export async function staleCheckpoint(path: string, madeOf: MadeOf): Promise<StaleCheckpoint | null> {
  if (!existsSync(path)) return null;
  const file = await openOwn(path);
  try {
    const why = whyStale(readMadeOf(file.values), madeOf);
    return why === null ? null : { path, why };
  } finally {
    await file.close();
  }
}

/**
 * Reads the checkpoint of a training, or null if there is none.
 * @throws TesseraError `recipe-changed`, `data-changed` if it belongs to another training
 */
export async function loadCheckpoint(path: string, madeOf: MadeOf): Promise<TrainingCheckpoint | null> {
  if (!existsSync(path)) return null;
  const file = await openOwn(path);
  try {
    const why = whyStale(readMadeOf(file.values), madeOf);
    if (why !== null) throw staleCheckpoints([{ path, why }]);
    const state = new Map<string, { data: Float32Array; shape: readonly number[] }>();
    for (const [name, { dtype, shape }] of file.tensors) {
      state.set(name, { data: toFloat32(await file.read(name), dtype, { who: path, name }), shape });
    }
    const number = (key: string) => Number(file.values.get(key));
    return { step: number('step'), seconds: number('seconds'), madeOf, state };
  } finally {
    await file.close();
  }
}
