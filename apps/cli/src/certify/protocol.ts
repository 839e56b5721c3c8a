/** What the process that certifies is told on its command line, as JSON. */
export interface ChildTask {
  /** The module to import. */
  readonly entry: string;
  /** The folder of the package, with its `conformance.json`. */
  readonly folder: string;
  /** Cases that are already done, or must not run, by part and id. */
  readonly skip: readonly string[];
}

/** A plug-in that a package offers, with all its cases. */
export interface PartPlan {
  readonly plugin: string;
  readonly kind: string;
  readonly contract: number;
  readonly cases: readonly CasePlan[];
}

export interface CasePlan {
  readonly id: string;
  readonly name: string;
}

/** What that process says. */
export type FromChild =
  | { readonly type: 'parts'; readonly parts: readonly PartPlan[] }
  | { readonly type: 'begin'; readonly part: number; readonly at: number }
  | {
      readonly type: 'end';
      readonly part: number;
      readonly at: number;
      /** What is wrong; null where nothing is. */
      readonly message: string | null;
      readonly ms: number;
    }
  | { readonly type: 'done' }
  /** The package cannot be imported, or offers no part. */
  | { readonly type: 'refused'; readonly message: string };

export const keyOf = (part: number, id: string): string => `${part}:${id}`;
