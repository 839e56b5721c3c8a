import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { type Engine, tensorFrom } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import type { FeatureProgram, FeatureResults, ImageSize } from '@tessera/core';

/** What a traced network makes of a batch of images. */
export interface TracedFeatures {
  readonly features_BD: Tensor2D;
  readonly logits_BK?: Tensor2D;
  readonly spatial_BD?: Tensor2D;
}

interface TracedOptions {
  /** For profiles and errors. */
  readonly name: string;
  readonly engine: Engine;
  readonly image: ImageSize;
  /** Number of features. */
  readonly dims: number;
  /** Number of images that run at a time. */
  readonly batch: number;
}

/** Compiles a pure function from images in [0, 1] to features, and runs it batch by batch. */
export function tracedProgram(
  features: (image_BHWC: Tensor4D) => TracedFeatures,
  { name, engine, image, dims, batch }: TracedOptions,
): FeatureProgram {
  const program = engine.compile(
    (image_BHWC: Tensor4D) => {
      const { features_BD, logits_BK, spatial_BD } = features(image_BHWC);
      return {
        features_BD,
        ...(logits_BK && { probabilities_BK: tf.softmax(logits_BK) }),
        ...(spatial_BD && { spatial_BD }),
      };
    },
    { name, axes: ['B . . .'] },
  );
  const shape = [image.height, image.width, image.channels];
  const size = tf.util.sizeFromShape(shape);
  return {
    async run(pixels) {
      const count = countOf(pixels, image);
      const parts: Found[] = [];
      for (let start = 0; start < pixels.length; start += batch * size) {
        const some = pixels.slice(start, start + batch * size);
        const image_BHWC = tensorFrom(some, [some.length / size, ...shape]) as Tensor4D;
        const found = await program(image_BHWC);
        const read = Object.entries(found).map(async ([key, tensor]) => [key, await tensor.data<'float32'>()] as const);
        parts.push(Object.fromEntries(await Promise.all(read)));
        tf.dispose([image_BHWC, { ...found }]);
      }
      return joinResults(parts, { count, dims });
    },
    dispose: () => program.dispose(),
  };
}

/** Results of one batch: `features_BD`, and where the network has them `probabilities_BK` and `spatial_BD`. */
type Found = Readonly<Record<string, Float32Array>>;

/** How many images of this size the pixels are. @throws TesseraError `shape-mismatch` */
export function countOf(pixels: Float32Array, { height, width, channels }: ImageSize): number {
  const count = pixels.length / (height * width * channels);
  if (Number.isInteger(count)) return count;
  throw new TesseraError({
    code: 'shape-mismatch',
    who: 'features',
    got: `${pixels.length} numbers`,
    expected: `images of ${height} x ${width} x ${channels}`,
  });
}

/** Joins the results of batches; `count` images in all. */
export function joinResults(
  parts: readonly Found[],
  { count, dims }: { readonly count: number; readonly dims: number },
): FeatureResults {
  const joined = (key: string): Float32Array | null => {
    if (parts.some((part) => !part[key])) return null;
    const all = new Float32Array(parts.reduce((sum, part) => sum + part[key]!.length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part[key]!, at);
      at += part[key]!.length;
    }
    return all;
  };
  const probabilities_NK = joined('probabilities_BK');
  return {
    features_ND: joined('features_BD')!,
    dims,
    probabilities_NK,
    label_N: probabilities_NK && largestOfRows(probabilities_NK, count),
    spatial_ND: joined('spatial_BD'),
  };
}

function largestOfRows(values_NK: Float32Array, count: number): Int32Array {
  const classes = values_NK.length / count;
  return Int32Array.from({ length: count }, (_, row) => {
    const at = row * classes;
    let best = 0;
    for (let k = 1; k < classes; k++) if (values_NK[at + k]! > values_NK[at + best]!) best = k;
    return best;
  });
}
