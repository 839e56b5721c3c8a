import type { Engine } from '@tessera/engine';
import type { CaseFile } from './case-file.ts';
import type { Checks } from './checks.ts';

/** Computes what a case of one kind expects. */
export interface CaseRunner {
  /** The metadata's `kind`. */
  readonly kind: string;
  /** Whether a tensor of its files is a result; left out: by its name, see `isExpected`. */
  readonly expects?: (name: string) => boolean;
  run(file: CaseFile, tools: { readonly checks: Checks; readonly engine: Engine }): Promise<void>;
}
