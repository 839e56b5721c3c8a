import type { BackboneDims } from '@tessera/core';
import type { AdaLNModel } from '../adaln/programs.ts';
import type { CausalParams } from './params.ts';

export const WHO = 'causal-transformer';

/** A built model, as all passes through it need it. */
export interface CausalModel extends AdaLNModel {
  readonly dims: BackboneDims;
  readonly params: CausalParams;
}

/** The place of every token in the order: each sees itself and what came before (see `maskValues`). */
export function placesInOrder(length: number): Int32Array {
  return Int32Array.from({ length }, (_, place) => place);
}
