import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import * as tf from '@tensorflow/tfjs';
import { tensorFrom, type Engine } from '@tessera/engine';
import type { ImageSize } from '../data/data-set.ts';
import type { Judge } from './judge.ts';

/** What a judge says about images. */
export interface Verdict {
  /** `[N, D]` row-major. */
  readonly features_ND: Float32Array;
  readonly dims: number;
  /** The most likely class of each image. */
  readonly label_N: Int32Array;
}

export interface Examiner {
  /** `pixels` of N images in [0, 1], row-major. */
  examine(pixels: Float32Array): Promise<Verdict>;
  dispose(): void;
}

const BATCH = 100;

/** Shows images to a judge, a hundred at a time. */
export function openExaminer(engine: Engine, judge: Judge, image: ImageSize): Examiner {
  const dims = judge.config.widths.at(-1)!;
  const program = engine.compile(
    (image_BHWC: Tensor4D) => {
      const features_BD = judge.features(image_BHWC);
      return { features_BD, label_B: tf.cast(tf.argMax(judge.classify(features_BD), -1), 'int32') };
    },
    { name: 'judge', axes: ['B . . .'] },
  );
  const size = image.height * image.width * image.channels;
  return {
    async examine(pixels) {
      const count = pixels.length / size;
      const verdict = { features_ND: new Float32Array(count * dims), dims, label_N: new Int32Array(count) };
      for (let start = 0; start < count; start += BATCH) {
        const here = Math.min(BATCH, count - start);
        const shape = [here, image.height, image.width, image.channels];
        const image_BHWC = tensorFrom(pixels.slice(start * size, (start + here) * size), shape) as Tensor4D;
        const { features_BD, label_B } = await program(image_BHWC);
        verdict.features_ND.set(await (features_BD as Tensor2D).data<'float32'>(), start * dims);
        verdict.label_N.set(await label_B.data<'int32'>(), start);
        for (const tensor of [image_BHWC, features_BD, label_B]) tensor.dispose();
      }
      return verdict;
    },
    dispose: () => program.dispose(),
  };
}

/** Share of images that show what they should, from 0 to 1. */
export function accuracy(found_N: Int32Array, expected_N: Int32Array): number {
  return found_N.reduce((right, label, n) => right + Number(label === expected_N[n]), 0) / found_N.length;
}
