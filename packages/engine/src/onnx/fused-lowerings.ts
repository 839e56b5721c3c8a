import type { Lowering } from './lowering.ts';

/** By fused op. The graph only says which op a node is: it must not know targets. */
const lowerings = new WeakMap<object, Lowering>();

/** From now on nodes of `fused` are lowered so. */
export function setFusedLowering(fused: object, lower: Lowering): void {
  lowerings.set(fused, lower);
}

export function fusedLowering(fused: object): Lowering | undefined {
  return lowerings.get(fused);
}
