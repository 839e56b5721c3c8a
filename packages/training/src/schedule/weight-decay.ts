/** Weight decay of step `it` of `steps`: half a cosine from `start` to `end` (VAR's trainer). */
export function weightDecay(
  it: number,
  { start, end, steps }: { readonly start: number; readonly end: number; readonly steps: number },
): number {
  return end + (start - end) * (0.5 + 0.5 * Math.cos((Math.PI * it) / Math.max(1, steps - 1)));
}
