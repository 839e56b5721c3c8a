import * as tf from '@tensorflow/tfjs';
import { elementCount, openCheckpoint, toFloat32 } from '@tessera/checkpoints';
import { initialValues, type ParamSpec, type Weights } from '@tessera/core';
import { tensorFrom, type Param } from '@tessera/engine';
import { mismatch } from './file-weights.ts';

/** A tensor that the weight file holds and no optimiser touches. */
export interface Buffer {
  readonly name: string;
  readonly variable: tf.Variable;
}

/** Weights for training: variables that the parts share with the trainer. */
export interface FreshWeights extends Weights {
  readonly params: readonly Param[];
  readonly buffers: readonly Buffer[];
  /**
   * Takes all values from a file instead, of any supported format: for resuming and fine-tuning.
   * @throws TesseraError weights-mismatch unless the file holds exactly these names and shapes
   */
  loadFrom(path: string): Promise<void>;
  dispose(): void;
}

/**
 * Weights that start as their parts' specs say, from counter-based random numbers: the same seed and name give the same
 * values on every machine, whatever else is built.
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
    // Optional parameters belong to files; what is fresh has none.
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
