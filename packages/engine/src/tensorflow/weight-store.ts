import type { LoweredWeight } from '../lowered-model.ts';
import { readNumbers } from '../trace/tfjs-internals.ts';
import type { TensorFlowBinding } from './binding.ts';
import { createTensor } from './runtime.ts';

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
    const id = createTensor(this.#binding, { data: readNumbers(dataId, who), dtype, shape: dims });
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
