import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import * as tf from '@tensorflow/tfjs';
import {
  elementCount,
  openCheckpoint,
  toFloat16Bytes,
  toFloat32,
  writeSafetensors,
  type WritableTensor,
} from '@tessera/checkpoints';
import { initialValues, type ParamSpec, type Weights } from '@tessera/core';
import { tensorFrom, type Param } from '@tessera/engine';
import { fileTensor } from '@tessera/targets';
import { refuseInt8 } from './int8-file.ts';
import { buffersKey, checkpointWeights, finiteWeights, headerWeights, mismatch, type FileWeights } from './weights.ts';

/**
 * Opens a file as weights. float32 tensors stay in the file until they are read; others are widened in memory.
 * @throws TesseraError of the file formats; `param`: weights-mismatch
 */
export async function fileWeights(path: string): Promise<FileWeights> {
  const file = await openCheckpoint(path);
  try {
    return await checkpointWeights(file, (of, offset, { shape, dtype }) =>
      fileTensor({ path: of, offset, shape, dtype }),
    );
  } finally {
    await file.close();
  }
}

/**
 * Reads the header of a file: see `headerWeights`.
 * @throws TesseraError of the file formats
 */
export async function fileHeader(path: string): Promise<FileWeights> {
  const file = await openCheckpoint(path);
  await file.close();
  return headerWeights(file);
}

/** A tensor of the weight file that no optimiser changes. */
export interface Buffer {
  readonly name: string;
  readonly variable: tf.Variable;
}

/** Weights for training: variables shared by the parts and the trainer. */
export interface FreshWeights extends Weights {
  readonly params: readonly Param[];
  readonly buffers: readonly Buffer[];
  /**
   * Replaces all values by those of a file of any supported format: for resuming and fine-tuning.
   * @throws TesseraError weights-mismatch unless the file holds exactly these names and shapes
   */
  loadFrom(path: string): Promise<void>;
  dispose(): void;
}

/**
 * Weights that start as the specs of their parts say, from counter-based random numbers: the same seed and name give the
 * same values on every machine, whatever else is built.
 */
export function freshWeights(seed: number): FreshWeights {
  const params = new Map<string, Param>();
  const buffers = new Map<string, Buffer>();

  function param(name: string, shape: readonly number[], spec: ParamSpec): tf.Tensor {
    const known = params.get(name) ?? buffers.get(name);
    if (known) return known.variable;
    const values = initialValues(spec.init, name, { size: elementCount(shape), seed });
    const variable = variableOf(values, shape, spec.trainable !== false);
    if (spec.trainable === false) buffers.set(name, { name, variable });
    else params.set(name, { name, variable, decay: spec.decay });
    return variable;
  }

  return {
    param,
    // Only files have optional parameters.
    has: (name) => params.has(name) || buffers.has(name),
    get params() {
      return [...params.values()];
    },
    get buffers() {
      return [...buffers.values()];
    },
    loadFrom: (path) => load(path, [...params.values(), ...buffers.values()]),
    dispose: () => {
      for (const { variable } of [...params.values(), ...buffers.values()]) variable.dispose();
      params.clear();
      buffers.clear();
    },
  };
}

function variableOf(values: Float32Array, shape: readonly number[], trainable: boolean): tf.Variable {
  const initial = tensorFrom(values, [...shape]);
  const variable = tf.variable(initial, trainable);
  initial.dispose();
  return variable;
}

async function load(path: string, targets: readonly Buffer[]): Promise<void> {
  const file = await openCheckpoint(path);
  try {
    refuseInt8(file);
    const problems = targets.flatMap(({ name, variable }) => {
      const shape = file.tensors.get(name)?.shape;
      if (!shape) return [`${name} missing`];
      return String(shape) === String(variable.shape) ? [] : [`${name} [${shape}] instead of [${variable.shape}]`];
    });
    const wanted = new Set(targets.map(({ name }) => name));
    for (const name of file.tensors.keys()) if (!wanted.has(name)) problems.push(`${name} left over`);
    if (problems.length > 0) throw mismatch(path, problems);
    for (const { name, variable } of targets) {
      const values = tensorFrom(
        toFloat32(await file.read(name), file.tensors.get(name)!.dtype, { who: path, name }),
        variable.shape,
      );
      variable.assign(values);
      values.dispose();
    }
  } finally {
    await file.close();
  }
}

/** A tensor of a component, under its official name. */
export interface SavedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** True if the file keeps it for training and for export, and the model does not read it. */
  readonly buffer?: boolean;
  /** The file that it comes from, for errors. */
  readonly from?: string;
  /** Called just before it is written, so that one tensor at a time is in memory. */
  values(): Float32Array | Promise<Float32Array>;
}

export type SavedDType = 'float32' | 'float16';

/** Parameters and buffers of a training, each read just before it is written. */
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

/**
 * Writes the weight file of one component. Errors name `who`.
 * @throws TesseraError weights-not-finite, number-out-of-range for a weight that float16 does not hold
 */
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

/** Buffers stay float32: they count, and float16 does not hold large counts. */
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

/** SHA-256 of a file in hexadecimal digits. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}
