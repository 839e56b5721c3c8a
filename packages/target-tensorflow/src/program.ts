import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readNumbers, type BuiltProgram, type LoweredWeight } from '@tessera/engine/target';
import type { TfModel } from './builder.ts';
import { explain, TfNumbers, tfNumbers, type TensorFlowBinding } from './runtime.ts';
import { savedModel, signatureOf, TAG } from './saved-model.ts';

interface TfProgramOptions {
  /** For errors. */
  readonly name: string;
  readonly xla: boolean;
  /** Where the model's weights come from. */
  readonly weights: WeightStore;
  /** When runs compile first: with feeds of new forms, or in the first run only. */
  readonly compiles: 'by form' | 'once';
}

/**
 * Loads a lowered graph as a SavedModel; its file is removed after loading.
 * @throws TesseraError `program-rejected`; its runs throw `program-failed` and `out-of-memory`
 */
export function buildTfProgram(binding: TensorFlowBinding, model: TfModel, options: TfProgramOptions): BuiltProgram {
  const { name, xla, weights } = options;
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
  const compiled = new Set<string>();
  const formOf = (feeds: readonly TfNumbers[]): string =>
    options.compiles === 'once' ? '' : feeds.map(({ form }) => form).join(';');
  return {
    async run(feeds) {
      const given = feeds as readonly TfNumbers[];
      const ids = [...given.map(({ id }) => id), ...weightIds];
      const results = explain(name, 'program-failed', () => binding.runSavedModel(session, ids, inputs, outputs));
      compiled.add(formOf(given));
      return results.map(({ id, shape }) => new TfNumbers(binding, id, String(shape)));
    },
    compilesFor: (feeds) =>
      (xla || options.compiles === 'once') && !compiled.has(formOf(feeds as readonly TfNumbers[])),
    release: () => {
      binding.deleteSavedModel(session);
      for (const weight of model.weights) weights.release(weight);
    },
  };
}

/** Weights as tensors of the binding, one for all programs that use them. */
export class WeightStore {
  readonly #binding: TensorFlowBinding;
  readonly #held = new Map<object, { readonly id: number; users: number }>();

  constructor(binding: TensorFlowBinding) {
    this.#binding = binding;
  }

  acquire({ dataId, dims, dtype }: LoweredWeight, who: string): number {
    const held = this.#held.get(dataId);
    if (held) {
      held.users += 1;
      return held.id;
    }
    const id = tfNumbers(this.#binding, { data: readNumbers(dataId, who), dtype, shape: dims }).id;
    this.#held.set(dataId, { id, users: 1 });
    return id;
  }

  release({ dataId }: LoweredWeight): void {
    const held = this.#held.get(dataId)!;
    held.users -= 1;
    if (held.users > 0) return;
    this.#held.delete(dataId);
    this.#binding.deleteTensor(held.id);
  }
}
