const GRAY = 128;
/** A change of one level in 256 stays gray: only what a person could see is drawn. */
const LEAST_RANGE = 16;

/** Of RGBA pixels what changed, around a middle gray, as strong as the whole picture lets it be. */
export function differenceOf(from: Uint8ClampedArray, to: Uint8ClampedArray): Uint8ClampedArray<ArrayBuffer> {
  let most = LEAST_RANGE;
  for (let i = 0; i < to.length; i++) if (i % 4 < 3) most = Math.max(most, Math.abs(to[i]! - from[i]!));
  const changed = new Uint8ClampedArray(to.length);
  for (let i = 0; i < to.length; i++) changed[i] = i % 4 < 3 ? GRAY + ((GRAY - 1) * (to[i]! - from[i]!)) / most : 255;
  return changed;
}
