import type { Hidden, Kept, Step } from '@tessera/core';

/*
 * What a part is lent besides tensors: lists of numbers. It gets copies, so that one that writes into them spoils nobody
 * else's, and one that writes into its own later changes nothing that it has said.
 */

export function lentStep(step: Step): Step {
  return { ...step, positions_Bl: step.positions_Bl.slice() };
}

export function lentHidden(hidden: Hidden): Hidden {
  return { ...hidden, positions_Bl: hidden.positions_Bl.slice() };
}

export function lentKept(kept: Kept | null): Kept | null {
  return kept && { ...kept, keep_L: kept.keep_L.slice() };
}
