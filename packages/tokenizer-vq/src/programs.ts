import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import type { Engine, Program } from '@tessera/engine';
import { contribution, estimate } from './accumulate.ts';
import { linearPreview } from './preview.ts';
import { quantize } from './quantize.ts';
import { decodeFeatures, encodeFeatures, toNetworkRange, toPixelRange, type VqVae } from './vq-vae.ts';

/** The compiled programs of one tokenizer. Each is compiled when it is first asked for and shared by all canvases. */
export interface VqPrograms {
  /** Pixels in [0, 1] -> int32 indices of all scales [B, L]. */
  encode(): Program<[Tensor4D], Tensor2D>;
  /** The first scale's tokens [B, l, C] -> the running map. */
  begin(): Program<[Tensor3D], Tensor4D>;
  /** A later scale's tokens [B, l, C] and the running map before -> the running map after. */
  extend(scale: number): Program<[Tensor3D, Tensor4D], Tensor4D>;
  /** Tokens [B, l, C], kept tokens of all scales [B, L, C], keep as 1 or 0 [1, l, 1] -> tokens [B, l, C]. */
  keep(scale: number): Program<[Tensor3D, Tensor3D, Tensor3D], Tensor3D>;
  /** Running map -> what a backbone reads before a scale [B, l, C]. */
  estimate(scale: number): Program<[Tensor4D], Tensor3D>;
  /** Running map -> pixels in [0, 1], by the decoder. */
  decode(): Program<[Tensor4D], Tensor4D>;
  /** Running map -> pixels in [0, 1] of the map's size, by the linear preview. */
  preview(): Program<[Tensor4D], Tensor4D>;
  dispose(): void;
}

const MAP = 'B . . .';
const TOKENS = 'B . .';

export function openPrograms(engine: Engine, model: VqVae): VqPrograms {
  const { quantizer } = model;
  const { sizes } = quantizer;
  const compiled = new Map<string, { dispose(): void }>();
  function once<P extends { dispose(): void }>(name: string, compile: (name: string) => P): P {
    const program = (compiled.get(name) as P | undefined) ?? compile(name);
    compiled.set(name, program);
    return program;
  }
  function starts(scale: number): number {
    return sizes.slice(0, scale).reduce((sum, { height, width }) => sum + height * width, 0);
  }
  return {
    encode: () =>
      once('vq.encode', (name) =>
        engine.compile((pixels_BHWC: Tensor4D) => indicesOf(model, pixels_BHWC), { name, axes: [MAP] }),
      ),
    begin: () =>
      once('vq.begin', (name) =>
        engine.compile((tokens_BlC: Tensor3D) => contribution(quantizer, tokens_BlC, { scale: 0 }), {
          name,
          axes: [TOKENS],
        }),
      ),
    extend: (scale) =>
      once(`vq.extend.${scale}`, (name) =>
        engine.compile(
          (tokens_BlC: Tensor3D, map_BHWC: Tensor4D) =>
            tf.add(map_BHWC, contribution(quantizer, tokens_BlC, { scale })),
          { name, axes: [TOKENS, MAP] },
        ),
      ),
    keep: (scale) =>
      once(`vq.keep.${scale}`, (name) =>
        engine.compile(
          (tokens_BlC: Tensor3D, kept_BLC: Tensor3D, keep_1l1: Tensor3D) => {
            const given_BlC = tf.slice(kept_BLC, [0, starts(scale), 0], [-1, keep_1l1.shape[1], -1]);
            return tf.add(tf.mul(given_BlC, keep_1l1), tf.mul(tokens_BlC, tf.sub(1, keep_1l1)));
          },
          { name, axes: [TOKENS, TOKENS, '. . .'] },
        ),
      ),
    estimate: (scale) =>
      once(`vq.estimate.${scale}`, (name) =>
        engine.compile((map_BHWC: Tensor4D) => estimate(map_BHWC, sizes[scale]!), { name, axes: [MAP] }),
      ),
    decode: () =>
      once('vq.decode', (name) =>
        engine.compile((map_BHWC: Tensor4D) => toPixelRange(decodeFeatures(model, map_BHWC)), { name, axes: [MAP] }),
      ),
    preview: () =>
      once('vq.preview', (name) =>
        engine.compile((map_BHWC: Tensor4D) => linearPreview(model.config, map_BHWC), { name, axes: [MAP] }),
      ),
    dispose() {
      for (const program of compiled.values()) program.dispose();
      compiled.clear();
    },
  };
}

function indicesOf(model: VqVae, pixels_BHWC: Tensor4D): Tensor2D {
  const features_BHWC = encodeFeatures(model, toNetworkRange(pixels_BHWC));
  const { index_Bl } = quantize(model.quantizer, features_BHWC);
  return index_Bl.length === 1 ? index_Bl[0]! : tf.concat([...index_Bl], 1);
}
