/** Below exp(-50), about 2e-22, a weight cannot change a float32 sum of a whole vocabulary. */
const FAINT = -50;

/** VAR's temperature of Gumbel smoothing; `progress` runs from 0 at the first step to 1 at the last. */
export function smoothTemperature(progress: number): number {
  return Math.max(0.27 * (1 - 0.95 * progress), 0.005);
}

/**
 * Weights of all codebook entries for one smoothed token (VAR's `more_smooth`):
 * `softmax((filtered * (1 + progress) + gumbel) / temperature)`, gumbel = -ln(exponential). Written over `filtered_V`;
 * removed tokens and faint ones get 0.
 */
export function smoothWeights(filtered_V: Float32Array, exponential_V: Float32Array, progress: number): void {
  const temperature = smoothTemperature(progress);
  let largest = -Infinity;
  for (let v = 0; v < filtered_V.length; v++) {
    if (filtered_V[v] === -Infinity) continue;
    filtered_V[v] = filtered_V[v]! * (1 + progress) - Math.log(exponential_V[v]!);
    if (filtered_V[v]! > largest) largest = filtered_V[v]!;
  }
  let total = 0;
  for (let v = 0; v < filtered_V.length; v++) {
    const exponent = (filtered_V[v]! - largest) / temperature;
    const weight = exponent < FAINT ? 0 : Math.exp(exponent);
    filtered_V[v] = weight;
    total += weight;
  }
  for (let v = 0; v < filtered_V.length; v++) filtered_V[v]! /= total;
}

/** `weights_V @ codebook_VC`, written to the C numbers of `token_C`. */
export function mixCodebook(weights_V: Float32Array, codebook_VC: Float32Array, token_C: Float32Array): void {
  const channels = token_C.length;
  token_C.fill(0);
  for (let v = 0; v < weights_V.length; v++) {
    const weight = weights_V[v]!;
    if (weight === 0) continue;
    for (let c = 0; c < channels; c++) token_C[c]! += weight * codebook_VC[v * channels + c]!;
  }
}
