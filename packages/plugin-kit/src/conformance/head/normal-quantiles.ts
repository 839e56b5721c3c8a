/** Evenly spread quantiles of the normal distribution, ascending, of mean 0 and deviation 1. */
export function normalQuantiles(count: number): number[] {
  const raw = Array.from({ length: count }, (_, i) => quantile((i + 0.5) / count));
  const size = Math.sqrt(raw.reduce((sum, one) => sum + one * one, 0) / count);
  return raw.map((one) => one / size);
}

/** The inverse of the distribution function, by bisection. */
function quantile(share: number): number {
  let [low, high] = [-6, 6];
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2;
    if (shareBelow(middle) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Share of the standard normal distribution below x (Marsaglia 2004, its Taylor series). */
function shareBelow(x: number): number {
  let [sum, term] = [x, x];
  for (let i = 3; i < 120; i += 2) sum += term *= (x * x) / i;
  return 0.5 + (sum * Math.exp(-0.5 * x * x)) / Math.sqrt(2 * Math.PI);
}
