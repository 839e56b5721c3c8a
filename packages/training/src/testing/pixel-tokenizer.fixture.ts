import * as tf from '@tensorflow/tfjs';
import type { Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import { type Layout, pixelsOf, TokenCanvas, type Tokenizer } from '@tessera/core';
import { defineTokenizer } from '@tessera/plugin-kit';
import { schema } from '@tessera/schema';

const layout: Layout = { length: 4, scales: [{ start: 0, height: 2, width: 2 }] };

/**
 * A pixel is a token: the smallest tokenizer without parameters. Core's tests have their own; no package publishes
 * fixtures, and none may reach into another.
 */
export const pixelTokenizer = defineTokenizer({
  contract: 1,
  name: 'pixels',
  config: schema.object({}),
  describe: () => ({ space: { kind: 'continuous', channels: 1 }, layout, serves: ['known', 'last'] }),
  build: (): Tokenizer => ({
    space: { kind: 'continuous', channels: 1 },
    layout,
    serves: ['known', 'last'],
    image: { height: 2, width: 2, channels: 1 },
    encode: async (image_BHWC) => ({ moments: tf.clone(image_BHWC) }),
    draw: ({ moments }) => ({ values_BlC: tf.reshape(moments!, [moments!.shape[0]!, 4, 1]) as Tensor3D }),
    keepMask: (mask) => mask,
    openCanvas: (rows, kept, reads) => {
      const decode = async (values_1LC: Tensor3D) =>
        (await pixelsOf(tf.tidy(() => tf.reshape(tf.clipByValue(values_1LC, 0, 1), [1, 2, 2, 1]) as Tensor4D)))[0]!;
      const preview = async () => [];
      const parts = { who: 'pixels', layout, channels: 1, decode, preview };
      return new TokenCanvas(parts, { batch: rows.length, kept, reads });
    },
    dispose: () => undefined,
  }),
});
