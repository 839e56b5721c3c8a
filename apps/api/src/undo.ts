/** Undoes what has been started, newest first. */
export class Undo {
  readonly #steps: (() => unknown)[] = [];

  add(step: () => unknown): void {
    this.#steps.unshift(step);
  }

  /** Every step, also after one that fails. @throws what the only one that failed threw, or an AggregateError of all */
  async run(): Promise<void> {
    const errors: unknown[] = [];
    for (const step of this.#steps.splice(0)) {
      try {
        await step();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 1) throw new AggregateError(errors, `${errors.length} parts of the server could not be closed`);
    if (errors.length === 1) throw errors[0];
  }
}
