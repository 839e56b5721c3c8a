import * as tf from '@tensorflow/tfjs';
import type { Weights } from '@tessera/core';
import { tensorFrom } from '@tessera/engine';
import type { SavedTensor } from '../save-model.ts';

/** Weights in memory, whose names and shapes have been checked already. */
export async function memoryWeights(tensors: readonly SavedTensor[]): Promise<Weights & { dispose(): void }> {
  const opened = new Map<string, tf.Tensor>();
  for (const { name, shape, values } of tensors) opened.set(name, tensorFrom(await values(), shape));
  return {
    has: (name) => opened.has(name),
    param: (name) => opened.get(name)!,
    dispose: () => tf.dispose([...opened.values()]),
  };
}
