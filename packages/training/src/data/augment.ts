import { keyedRng } from '@tessera/engine';
import { type FieldType, schema } from '@tessera/schema';
import { drawFlips, flipImages } from './batches.ts';
import type { ImageSize } from './data-set.ts';

const { boolean, integer, number, optional } = schema;

/** How training images vary: fields of `data` in a recipe, whatever its kind. */
export const augmentFields = {
  /** Whether a mirrored image is as good as the image itself. Training then sees both. */
  flips: optional(boolean(), false),
  /** Images move by up to this many pixels along both axes. Their edges fill what is left. */
  shift: optional(integer({ min: 0, max: 64 }), 0),
  /** Factors are drawn from 1 - amount to 1 + amount. */
  brightness: optional(number({ min: 0, max: 1 }), 0),
  contrast: optional(number({ min: 0, max: 1 }), 0),
  saturation: optional(number({ min: 0, max: 1 }), 0),
  /** Hues turn by up to this part of the whole circle to either side. */
  hue: optional(number({ min: 0, max: 0.5 }), 0),
  /** Further copies of each training image that are encoded for the generator, varied in all these ways. */
  copies: optional(integer({ min: 0, max: 64 }), 0),
} as const;

type AugmentFields = { readonly [K in keyof typeof augmentFields]: FieldType<(typeof augmentFields)[K]> };
export type Augmentation = Omit<AugmentFields, 'copies'>;

export const noAugmentation: Augmentation = {
  flips: false,
  shift: 0,
  brightness: 0,
  contrast: 0,
  saturation: 0,
  hue: 0,
};

/** The fields of a recipe's data that say how its images vary. */
export function augmentationOf({ flips, shift, brightness, contrast, saturation, hue }: Augmentation): Augmentation {
  return { flips, shift, brightness, contrast, saturation, hue };
}

/** Whether images vary by more than mirroring. */
export function variesBesidesFlips({ shift, brightness, contrast, saturation, hue }: Augmentation): boolean {
  return shift + brightness + contrast + saturation + hue > 0;
}

/** Which random numbers a batch takes: the same seed and number give the same images. */
interface BatchKey {
  readonly seed: number;
  readonly number: number;
}

/** How training images vary, and how many varied copies are encoded. */
export type Variety = AugmentFields;

/** The fields of a recipe's data that say how encodings vary. */
export function varietyOf(data: AugmentFields): Variety {
  return { ...augmentationOf(data), copies: data.copies };
}

/** Encodings of a training image: as it is, mirrored, and its varied copies. */
export function encodingsOf({ flips, copies }: Pick<Variety, 'flips' | 'copies'>): number {
  return (flips ? 2 : 1) + copies;
}

/** A batch as training sees it: moved, mirrored, in other colours. Values stay in [0, 1]. */
export function augmentImages(
  pixels_BHWC: Float32Array,
  image: ImageSize,
  { key, ...augmentation }: Augmentation & { readonly key: BatchKey },
): Float32Array {
  const { flips, shift } = augmentation;
  const size = image.height * image.width * image.channels;
  const moved = shift > 0 ? moveImages(pixels_BHWC, image, { most: shift, key }) : pixels_BHWC;
  const seen = flips ? flipImages(moved, image, drawFlips(pixels_BHWC.length / size, key)) : moved;
  return changesColours(augmentation) ? jitterColours(seen, image, { key, ...augmentation }) : seen;
}

function changesColours({ brightness, contrast, saturation, hue }: Augmentation): boolean {
  return brightness + contrast + saturation + hue > 0;
}

/** Moves each image by up to `most` pixels along both axes. The pixels at its edges are repeated. */
function moveImages(
  pixels_BHWC: Float32Array,
  { height, width, channels }: ImageSize,
  { most, key: { seed, number } }: { readonly most: number; readonly key: BatchKey },
): Float32Array {
  const size = height * width * channels;
  const count = pixels_BHWC.length / size;
  const draw = keyedRng([seed]).uniform({ row: 0, stream: 'move', step: number, position: 0 }, 2 * count);
  const out = new Float32Array(pixels_BHWC.length);
  const clamp = (place: number, side: number) => Math.min(side - 1, Math.max(0, place));
  for (let n = 0; n < count; n++) {
    const down = Math.floor(draw[2 * n]! * (2 * most + 1)) - most;
    const right = Math.floor(draw[2 * n + 1]! * (2 * most + 1)) - most;
    for (let y = 0; y < height; y++) {
      const row = n * size + clamp(y - down, height) * width * channels;
      for (let x = 0; x < width; x++) {
        const from = row + clamp(x - right, width) * channels;
        const to = n * size + (y * width + x) * channels;
        for (let c = 0; c < channels; c++) out[to + c] = pixels_BHWC[from + c]!;
      }
    }
  }
  return out;
}

/** Weights of red, green and blue in the brightness of a pixel (ITU-R BT.601). */
const LUMA = [0.299, 0.587, 0.114] as const;

/**
 * Brightness, contrast and saturation as in torchvision's ColorJitter, in this order, with factors in [1 - amount, 1 + amount];
 * then hues turn around the gray axis. All of it is one linear map for each image, and values are cut to [0, 1] at the end.
 */
function jitterColours(
  pixels_BHWC: Float32Array,
  { height, width, channels }: ImageSize,
  { key: { seed, number }, brightness, contrast, saturation, hue }: Augmentation & { readonly key: BatchKey },
): Float32Array {
  const pixels = height * width;
  const count = pixels_BHWC.length / (pixels * channels);
  const draw = keyedRng([seed]).uniform({ row: 0, stream: 'colour', step: number, position: 0 }, 4 * count);
  const out = new Float32Array(pixels_BHWC.length);
  for (let n = 0; n < count; n++) {
    const spread = (which: number) => 2 * draw[4 * n + which]! - 1;
    const light = 1 + brightness * spread(0);
    const harder = 1 + contrast * spread(1);
    const image = pixels_BHWC.subarray(n * pixels * channels, (n + 1) * pixels * channels);
    const gray = light * meanLuma(image, channels) * (1 - harder);
    const map = channels === 3 ? hueMap(1 + saturation * spread(2), 2 * Math.PI * hue * spread(3)) : [1];
    const to = out.subarray(n * pixels * channels, (n + 1) * pixels * channels);
    for (let at = 0; at < image.length; at += channels) {
      for (let c = 0; c < channels; c++) {
        let value = 0;
        for (let d = 0; d < channels; d++) value += map[c * channels + d]! * image[at + d]!;
        to[at + c] = Math.min(1, Math.max(0, light * harder * value + gray));
      }
    }
  }
  return out;
}

function meanLuma(image: Float32Array, channels: number): number {
  let sum = 0;
  for (let i = 0; i < image.length; i++) sum += image[i]! * (channels === 3 ? LUMA[i % 3]! : 1);
  return sum / (image.length / channels);
}

/** The 3 x 3 map that scales saturation, and turns hues by an angle (in radians). It keeps gray. */
function hueMap(saturation: number, angle: number): number[] {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  // Rodrigues' formula for the axis (1, 1, 1) / sqrt(3).
  const same = cos + (1 - cos) / 3;
  const before = (1 - cos) / 3 - sin / Math.sqrt(3);
  const after = (1 - cos) / 3 + sin / Math.sqrt(3);
  const turn = [same, before, after, after, same, before, before, after, same];
  const scale = (c: number, d: number) => (c === d ? saturation : 0) + (1 - saturation) * LUMA[d]!;
  return Array.from({ length: 9 }, (_, i) => {
    const [row, column] = [Math.floor(i / 3), i % 3];
    return [0, 1, 2].reduce((sum, k) => sum + turn[3 * row + k]! * scale(k, column), 0);
  });
}
