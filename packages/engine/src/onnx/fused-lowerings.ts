import type { Lowering } from './lowering.ts';

/** By fused op. The graph only says which op a node is: it must not know targets. */
const lowerings = new WeakMap<object, Lowering>();
const names = new Set<string>();

/** From now on nodes of `fused` are lowered so. */
export function setFusedLowering(fused: { readonly name: string }, lower: Lowering): void {
  lowerings.set(fused, lower);
  names.add(fused.name);
}

/** Whether ONNX has nodes for a fused op; see `TraceRequest.whole`. */
export function isLoweredWhole(name: string): boolean {
  return names.has(name);
}

export function fusedLowering(fused: object): Lowering | undefined {
  return lowerings.get(fused);
}
