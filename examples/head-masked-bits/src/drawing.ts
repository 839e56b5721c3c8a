/** Which of `count` factors become known in each of `steps` steps: from, to. The first steps are no longer than the last. */
export function rounds(count: number, steps: number): [from: number, to: number][] {
  const at = (step: number): number => Math.floor((step * count) / steps);
  return Array.from({ length: steps }, (_, step) => [at(step), at(step + 1)]);
}

/** A drawn level, and its distribution before the temperature, in nats. */
export interface DrawnLevel {
  readonly level: number;
  readonly logProbability: number;
  readonly entropy: number;
}

/**
 * Draws a level by a race of exponential numbers: the level v with the least `race[v] / p[v]` wins, which is v with
 * probability p[v], p being the softmax of `logits / temperature`; at 0 the likeliest.
 */
export function drawLevel(logits: Float64Array, race: Float32Array, temperature: number): DrawnLevel {
  const most = Math.max(...logits);
  const total = most + Math.log(logits.reduce((sum, one) => sum + Math.exp(one - most), 0));
  let [level, best] = [0, -Infinity];
  for (const [v, logit] of logits.entries()) {
    const score = logit - (temperature > 0 ? temperature * Math.log(race[v]!) : 0);
    if (score > best) [level, best] = [v, score];
  }
  const entropy = logits.reduce((sum, one) => sum - Math.exp(one - total) * (one - total), 0);
  return { level, logProbability: logits[level]! - total, entropy };
}
