import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TensorFlowBinding } from './binding.ts';
import type { TfModel } from './lower-graph.ts';
import { explain } from './runtime.ts';
import { savedModel, signatureOf, TAG } from './saved-model.ts';
import type { WeightStore } from './weight-store.ts';

/** A session of TensorFlow. Feeds and results are the binding's tensors, by id: the caller deletes both. */
export interface TfProgram {
  /** Feeds in the order of the model's inputs. */
  run(feeds: readonly number[]): readonly number[];
  release(): void;
}

export interface TfProgramOptions {
  /** For errors. */
  readonly name: string;
  readonly xla: boolean;
  /** Where the model's weights come from. */
  readonly weights: WeightStore;
}

/**
 * Loads a lowered graph as a SavedModel, whose file lives only that long.
 * @throws TesseraError `program-rejected`; its runs throw `program-failed` and `out-of-memory`
 */
export function buildTfProgram(
  binding: TensorFlowBinding,
  model: TfModel,
  { name, xla, weights }: TfProgramOptions,
): TfProgram {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-graph-'));
  const { inputs, outputs } = signatureOf(model);
  const session = explain(name, 'program-rejected', () => {
    try {
      writeFileSync(join(folder, 'saved_model.pb'), savedModel(model, { xla }));
      return binding.loadSavedModel(folder, TAG);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
  const weightIds = model.weights.map((weight) => weights.acquire(weight, name));
  const run = (feeds: readonly number[]) =>
    binding.runSavedModel(session, [...feeds, ...weightIds], inputs, outputs).map(({ id }) => id);
  return {
    run: (feeds) => explain(name, 'program-failed', () => run(feeds)),
    release: () => {
      binding.deleteSavedModel(session);
      for (const weight of model.weights) weights.release(weight);
    },
  };
}
