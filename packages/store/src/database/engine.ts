import type { Database, Hint } from '../store.ts';

/** A statement of the store, with a name under which PostgreSQL keeps its plan. */
export interface Statement {
  readonly name: string;
  readonly sql: string;
  /** It must not be repeated where its outcome is unknown. */
  readonly once?: true;
  /** It is not repeated at all: its values say how things are now, and would be stale after an outage. */
  readonly never?: true;
}

/** PostgreSQL in one of its two forms. */
export interface Engine extends Database {
  readonly kind: 'postgresql' | 'pglite';
  /**
   * Runs a statement of the store. Where its outcome is unknown it is repeated, unless it says `once`.
   * @throws TesseraError `storage-failed`
   */
  run<R>(statement: Statement, values?: readonly unknown[]): Promise<R[]>;
  /** Tells other processes; the listeners of this one have been told. */
  tell(hints: readonly Hint[]): void;
  /** It answered so late that others may not have reached it at all. */
  lost(): void;
  /** For how many milliseconds it has always been reached: Infinity where it never failed. */
  reachedFor(): number;
  close(): Promise<void>;
}
