/** Numbers that tell a denoiser its timestep: half of them cosines, half sines. */
export const TIMESTEP_FEATURES = 256;

/**
 * [T, 256] row-major: cos(t f_j), then sin(t f_j), with f_j = 10000^(-j/128) (Vaswani et al. 2017). Rounded to float32 where
 * the official code rounds: published weights have seen those angles.
 */
export function timestepFeatures(timesteps: ArrayLike<number>): Float32Array {
  const half = TIMESTEP_FEATURES / 2;
  const out = new Float32Array(timesteps.length * TIMESTEP_FEATURES);
  for (let j = 0; j < half; j++) {
    const frequency = Math.fround(Math.exp(Math.fround(Math.fround(-Math.log(10000)) * j) / half));
    for (let row = 0; row < timesteps.length; row++) {
      const angle = Math.fround(timesteps[row]! * frequency);
      out[row * TIMESTEP_FEATURES + j] = Math.cos(angle);
      out[row * TIMESTEP_FEATURES + half + j] = Math.sin(angle);
    }
  }
  return out;
}
