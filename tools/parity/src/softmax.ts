/** Softmax of one row in which removed entries are -Infinity. */
export function softmax(logits_V: Float32Array): Float32Array {
  const largest = logits_V.reduce((a, b) => Math.max(a, b), -Infinity);
  const weights = logits_V.map((logit) => Math.exp(logit - largest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
