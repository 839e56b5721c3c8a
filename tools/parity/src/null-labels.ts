import type { Computed } from './comparison.ts';

/** Case files write the null class as the number of classes; Tessera as -1. */
export function nullLabels({ data, shape }: Computed, classes: number): Computed {
  return { data: Int32Array.from(data, (label) => (label === classes ? -1 : label)), shape };
}
