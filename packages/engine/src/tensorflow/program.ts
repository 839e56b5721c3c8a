import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TensorFlowBinding } from './binding.ts';
import type { TfModel } from './lower-graph.ts';
import { explain } from './runtime.ts';
import { savedModel, signatureOf, TAG } from './saved-model.ts';

/** A session of TensorFlow. Feeds and results are the binding's tensors, by id: the caller deletes both. */
export interface TfProgram {
  /** Inputs in their order, then weights. */
  run(feeds: readonly number[]): readonly number[];
  release(): void;
}

export interface TfProgramOptions {
  /** For errors. */
  readonly name: string;
  readonly xla: boolean;
}

/**
 * Loads a lowered graph as a SavedModel, whose file lives only that long.
 * @throws TesseraError `program-rejected`; its runs throw `program-failed` and `out-of-memory`
 */
export function buildTfProgram(
  binding: TensorFlowBinding,
  model: TfModel,
  { name, xla }: TfProgramOptions,
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
  return {
    run: (feeds) =>
      explain(name, 'program-failed', () => binding.runSavedModel(session, feeds, inputs, outputs)).map(({ id }) => id),
    release: () => binding.deleteSavedModel(session),
  };
}
