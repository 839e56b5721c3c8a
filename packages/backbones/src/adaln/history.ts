import type { Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import { tensorFrom } from '@tessera/engine';
import type { AdaLNConfig } from './config.ts';
import { maskValues } from './mask.ts';
import type { StepInput, StepPrograms } from './programs.ts';
import { TokenCache } from './token-cache.ts';

/** How new tokens see those before them. Takes a step's tokens [R, l, D], gives their hidden states. */
export interface History {
  extend(x_RlD: Tensor3D): Promise<Tensor3D>;
  /** Gives memory back, after a call under way has ended. */
  dispose(): void;
}

export interface HistoryParts {
  readonly config: AdaLNConfig;
  readonly programs: StepPrograms;
  /** Borrowed for as long as the history is used. */
  readonly modulations: Omit<StepInput, 'x_RlD'>;
  /** Who sees whom, for all tokens of the image in the order in which they come (see `maskValues`). */
  readonly group_L: Int32Array;
}

/** The configured policy. */
export function openHistory(parts: HistoryParts): History {
  return parts.config.cache === 'kv' ? cached(parts) : recomputed(parts);
}

/** Keys and values of earlier tokens are kept. */
function cached({ config, programs, modulations, group_L }: HistoryParts): History {
  const { depth, heads, width } = config;
  const cache = new TokenCache({
    blocks: depth,
    length: group_L.length,
    rows: modulations.head_R2D.shape[0]!,
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
        const { hidden_RlD, added } = await programs.step({ x_RlD, ...modulations }, past);
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
function recomputed({ programs, modulations, group_L }: HistoryParts): History {
  const steps: Float32Array[] = [];
  return {
    async extend(x_RlD) {
      const [R, l, D] = x_RlD.shape;
      steps.push((await x_RlD.data<'float32'>()).slice());
      const tokens = joinTokens(steps, R);
      const T = tokens.length / (R * D);
      const x_RTD = tensorFrom(tokens, [R, T, D]) as Tensor3D;
      const bias = tensorFrom(maskValues(group_L.subarray(0, T)), [1, 1, T, T]) as Tensor4D;
      try {
        const hidden_RTD = await programs.whole({ x_RlD: x_RTD, ...modulations }, bias);
        return await lastTokens(hidden_RTD, l);
      } finally {
        x_RTD.dispose();
        bias.dispose();
      }
    },
    dispose: () => {
      steps.length = 0;
    },
  };
}

/** Tensors of [R, l, D] one behind the other along l. */
function joinTokens(steps: readonly Float32Array[], R: number): Float32Array {
  const joined = new Float32Array(steps.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (let row = 0; row < R; row++) {
    for (const step of steps) {
      const size = step.length / R;
      joined.set(step.subarray(row * size, (row + 1) * size), at);
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
