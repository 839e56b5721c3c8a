import type { Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import { tensorFrom } from '@tessera/engine';
import { maskValues } from './places.ts';
import type { NextScalePrograms, Opening } from './programs.ts';
import type { Teachable } from './teach.ts';
import { TokenCache } from './token-cache.ts';

/** How new tokens see those before them. Takes a scale's tokens [R, l, D], gives their hidden states. */
export interface History {
  extend(x_RlD: Tensor3D): Promise<Tensor3D>;
  /** Gives memory back, after a call under way has ended. */
  dispose(): void;
}

/** The configured policy. `opening` is borrowed for as long as the history is used. */
export function openHistory(model: Teachable, programs: NextScalePrograms, opening: Opening): History {
  return model.config.cache === 'kv' ? cached(model, programs, opening) : recomputed(model, programs, opening);
}

/** Keys and values of earlier scales are kept. */
function cached({ config, dims }: Teachable, programs: NextScalePrograms, opening: Opening): History {
  const { depth, heads, width } = config;
  const { start_RlD, blocks, head_R2D } = opening;
  const cache = new TokenCache({
    blocks: depth,
    length: dims.layout.length,
    rows: start_RlD.shape[0],
    heads,
    headSize: width / heads,
  });
  let isRunning = false;
  let isDisposed = false;
  return {
    async extend(x_RlD) {
      const past = cache.view();
      isRunning = true;
      try {
        const { hidden_RlD, added } = await programs.step({ x_RlD, blocks, head_R2D }, past);
        await cache.append(added);
        return hidden_RlD;
      } finally {
        for (const { k_PRNH, v_PRNH } of past) {
          k_PRNH.dispose();
          v_PRNH.dispose();
        }
        isRunning = false;
        if (isDisposed) cache.release();
      }
    },
    dispose() {
      isDisposed = true;
      if (!isRunning) cache.release();
    },
  };
}

/** Every step computes all tokens so far again, under a mask: slow, simple, and the measure of the cache. */
function recomputed({ dims }: Teachable, programs: NextScalePrograms, opening: Opening): History {
  const { start_RlD, blocks, head_R2D } = opening;
  const [R, , D] = start_RlD.shape;
  const scales: Float32Array[] = [];
  return {
    async extend(x_RlD) {
      scales.push((await x_RlD.data<'float32'>()).slice());
      const tokens = joinTokens(scales, R);
      const T = tokens.length / (R * D);
      const x_RTD = tensorFrom(tokens, [R, T, D]) as Tensor3D;
      const bias = tensorFrom(maskValues(dims.layout, T), [1, 1, T, T]) as Tensor4D;
      try {
        const hidden_RTD = await programs.whole({ x_RlD: x_RTD, blocks, head_R2D }, bias);
        return await lastTokens(hidden_RTD, x_RlD.shape[1]);
      } finally {
        x_RTD.dispose();
        bias.dispose();
      }
    },
    dispose: () => {
      scales.length = 0;
    },
  };
}

/** Tensors of [R, l, D] one behind the other along l. */
function joinTokens(scales: readonly Float32Array[], R: number): Float32Array {
  const joined = new Float32Array(scales.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (let row = 0; row < R; row++) {
    for (const scale of scales) {
      const size = scale.length / R;
      joined.set(scale.subarray(row * size, (row + 1) * size), at);
      at += size;
    }
  }
  return joined;
}

/** The last `l` tokens of each row; disposes its argument. */
async function lastTokens(hidden_RTD: Tensor3D, l: number): Promise<Tensor3D> {
  const [R, T, D] = hidden_RTD.shape;
  const data = await hidden_RTD.data<'float32'>();
  hidden_RTD.dispose();
  const last = new Float32Array(R * l * D);
  for (let row = 0; row < R; row++) {
    last.set(data.subarray((row * T + T - l) * D, (row + 1) * T * D), row * l * D);
  }
  return tensorFrom(last, [R, l, D]) as Tensor3D;
}
