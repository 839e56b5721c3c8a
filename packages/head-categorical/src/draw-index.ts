import { largestOf } from './filter-logits.ts';

/**
 * Draws from the softmax of the filtered logits by an exponential race: the index of the largest p / e, where e is
 * exponential with rate 1. The first index wins a tie. Removed tokens, those at -Infinity, need no exponential.
 */
export function drawIndex(filtered_V: Float32Array, exponential_V: Float32Array): number {
  const largest = largestOf(filtered_V);
  let best = 0;
  let drawn = 0;
  for (let v = 0; v < filtered_V.length; v++) {
    if (filtered_V[v] === -Infinity) continue;
    const below = filtered_V[v]! - largest;
    const wait = exponential_V[v]!;
    // exp(x) <= 1 / (1 - x + x^2 / 2) for x <= 0 rules out most tokens without an exponential.
    if (best * wait * (1 - below + 0.5 * below * below) > 1) continue;
    const speed = Math.exp(below) / wait;
    if (speed > best) {
      best = speed;
      drawn = v;
    }
  }
  return drawn;
}
