/** Probabilities of the classes for each image, `[N, K]` row-major. */
export interface Probabilities {
  readonly probabilities_NK: Float32Array;
  readonly classes: number;
}

const SPLITS = 10;

/**
 * `exp(E KL(p(y|x) || p(y)))`, the mean over ten parts of the images in their order (Salimans et al. 2016). With the Inception
 * network it is the Inception score; with others it must not be called so. The order must be random: parts that are classes
 * would all score 1. Fewer images than parts are one part.
 */
export function classifierScore({ probabilities_NK, classes }: Probabilities): number {
  const count = probabilities_NK.length / classes;
  const splits = count < SPLITS ? 1 : SPLITS;
  let sum = 0;
  for (let split = 0; split < splits; split++) {
    const [start, end] = [Math.floor((split * count) / splits), Math.floor(((split + 1) * count) / splits)];
    sum += scoreOf(probabilities_NK.subarray(start * classes, end * classes), classes);
  }
  return sum / splits;
}

function scoreOf(probabilities_NK: Float32Array, classes: number): number {
  const count = probabilities_NK.length / classes;
  const mean_K = new Float64Array(classes);
  for (let i = 0; i < probabilities_NK.length; i++) mean_K[i % classes]! += probabilities_NK[i]! / count;
  let divergence = 0;
  for (let i = 0; i < probabilities_NK.length; i++) {
    const p = probabilities_NK[i]!;
    if (p > 0) divergence += (p * Math.log(p / mean_K[i % classes]!)) / count;
  }
  return Math.exp(divergence);
}
