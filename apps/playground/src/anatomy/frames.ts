/** Some of the steps, evenly, with first and last and the one shown; all where there are few. */
export function framesOf(steps: readonly number[], most: number, shown: number): readonly number[] {
  if (steps.length <= most) return steps;
  const even = Array.from({ length: most }, (_, i) => steps[Math.round((i * (steps.length - 1)) / (most - 1))]!);
  if (even.includes(shown) || !steps.includes(shown)) return even;
  // The one shown takes the place of its nearest neighbour, but for first and last.
  const inner = even.slice(1, -1);
  const nearest = inner.reduce((a, b) => (Math.abs(b - shown) < Math.abs(a - shown) ? b : a));
  return even.map((step) => (step === nearest ? shown : step));
}
