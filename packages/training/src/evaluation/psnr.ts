/** Peak signal-to-noise ratio in dB of images in [0, 1], over all their elements; infinite when equal. */
export function psnr(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return -10 * Math.log10(sum / a.length);
}
