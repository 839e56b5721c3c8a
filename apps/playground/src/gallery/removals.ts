import { deleteGeneration } from '../api/operations.ts';

/*
 * The API deletes for ever, so the page waits with it: until then a removal can be undone. Leaving the gallery or the page
 * sends what waits.
 */

export const UNDO_MS = 8000;

export interface Removals {
  /** Ids that are hidden: they wait, are being deleted, or are gone. */
  readonly hidden: ReadonlySet<string>;
  /** Those that can still be undone, in order. */
  readonly waiting: readonly string[];
  /** Why the newest could not be deleted; it is shown again. */
  readonly error: string | null;
}

export class RemovalStore {
  readonly #send: (id: string) => Promise<void>;
  readonly #listeners = new Set<() => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #state: Removals = { hidden: new Set(), waiting: [], error: null };

  constructor(send: (id: string) => Promise<void> = deleteGeneration) {
    this.#send = send;
  }

  readonly state = (): Removals => this.#state;

  readonly onChange = (changed: () => void): (() => void) => {
    this.#listeners.add(changed);
    return () => void this.#listeners.delete(changed);
  };

  /** Time for undoing begins again with each call. */
  remove(ids: readonly string[]): void {
    const { hidden, waiting } = this.#state;
    this.#change({ hidden: new Set([...hidden, ...ids]), waiting: [...waiting, ...ids], error: null });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.send(), UNDO_MS);
  }

  /** Shows again what still waits. */
  undo(): void {
    clearTimeout(this.#timer);
    const { hidden, waiting } = this.#state;
    this.#change({ hidden: new Set([...hidden].filter((id) => !waiting.includes(id))), waiting: [], error: null });
  }

  /** Deletes what waits, now. */
  send(): void {
    clearTimeout(this.#timer);
    const { waiting } = this.#state;
    if (waiting.length === 0) return;
    this.#change({ ...this.#state, waiting: [] });
    for (const id of waiting) {
      this.#send(id).catch(({ message }: Error) => {
        const hidden = new Set([...this.#state.hidden].filter((one) => one !== id));
        this.#change({ ...this.#state, hidden, error: message });
      });
    }
  }

  #change(state: Removals): void {
    this.#state = state;
    for (const changed of this.#listeners) changed();
  }
}
