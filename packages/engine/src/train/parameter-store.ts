import type { Variable } from '@tensorflow/tfjs';

/**
 * The current values of trained variables, by variable. The step that trains a variable owns its value; another step
 * that only reads it (a discriminator's, say) finds it here.
 */
export class ParameterStore<T> {
  readonly #values = new Map<Variable, () => Promise<T>>();

  /** From now on `value` answers for `variable`. */
  own(variable: Variable, value: () => Promise<T>): void {
    this.#values.set(variable, value);
  }

  release(variable: Variable): void {
    this.#values.delete(variable);
  }

  /** The trained value, or null for a variable that no step trains. */
  async current(variable: Variable): Promise<T | null> {
    return (await this.#values.get(variable)?.()) ?? null;
  }
}
