import type { Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import { tensorFrom, type Engine, type GrowingTensors, type Program } from '@tessera/engine';
import { maskValues, type KeysValues } from './attention.ts';
import type { ClassModulatedConfig, ClassModulatedParams } from './params.ts';
import { forward, type Modulated } from './transformer.ts';

/*
 * How new tokens see the earlier ones while sampling: keys and values of all tokens so far are kept, and every step
 * computes its own tokens alone. No mask is needed: later tokens do not exist yet, and those of one step (a scale) all
 * see each other. Training has all tokens at once: see `spansOf` in attention.ts. Or, to check that both agree, every step
 * computes all tokens so far again under a mask.
 */

/** A built transformer, as all passes through its blocks need it. */
export interface ClassModulatedModel {
  readonly config: ClassModulatedConfig;
  readonly params: ClassModulatedParams;
}

export type StepInput = Modulated & {
  /** Embedded tokens. */
  readonly x_RlD: Tensor3D;
};

/** Keys and values of all blocks. */
type Past = readonly KeysValues[];
type StepOutput = { readonly hidden_RlD: Tensor3D; readonly added: Past };

/** The blocks as programs. Numbers of rows and tokens are named axes: one program serves all steps. */
export interface StepPrograms {
  /** New tokens after the cached ones, where every new token sees all others; gives back the new keys and values alone. */
  readonly step: Program<[StepInput, Past], StepOutput>;
  /** All tokens so far, without a cache, under a mask [1, 1, l, l]. */
  readonly whole: Program<[StepInput, Tensor4D], Tensor3D>;
  /** Where keys and values are kept. */
  readonly grow: Engine['growing'];
}

/** Nothing is compiled before its first call: a backbone that never samples costs nothing here. */
export function compileSteps({ params, config }: ClassModulatedModel, engine: Engine, name: string): StepPrograms {
  const { depth, heads, attends } = config;
  const repeat = (axes: string, count: number): string[] => Array.from({ length: count }, () => axes);
  const sequence = attends ? [...repeat('R . S .', 2 * depth), 'R . . S'] : [];
  const input = ['R l .', ...repeat('R . .', depth), 'R . .', ...sequence];
  const step = ({ x_RlD, ...modulations }: StepInput, past: Past): StepOutput =>
    forward(params, { x_RlD, modulations, heads, past, bias: null });
  const whole = ({ x_RlD, ...modulations }: StepInput, bias: Tensor4D): Tensor3D =>
    forward(params, { x_RlD, modulations, heads, past: null, bias }).hidden_RlD;
  return {
    step: engine.compile(step, { name: `${name}.step`, axes: [...input, ...repeat('P R . .', 2 * depth)] }),
    whole: engine.compile(whole, { name: `${name}.whole`, axes: [...input, '. . l l'] }),
    grow: (spec) => engine.growing(spec),
  };
}

/** Takes the tokens of a step, [R, l, D], and gives their hidden states. */
export interface History {
  extend(x_RlD: Tensor3D): Promise<Tensor3D>;
  /** A history that goes on with the first rows alone, under their modulations. This one is used no more. */
  keepRows(rows: number, modulations: Modulated): Promise<History>;
  /** Releases the memory, after a call under way has ended. */
  dispose(): void;
}

interface HistoryParts {
  readonly config: ClassModulatedConfig;
  readonly programs: StepPrograms;
  /** Borrowed for as long as the history is used. */
  readonly modulations: Modulated;
  /** Attention mask groups, for all tokens of the image in the order in which they come (see `maskValues`). */
  readonly group_L: Int32Array;
}

/** The history that the configuration chooses. */
export function openHistory(parts: HistoryParts): History {
  return parts.config.cache === 'kv' ? cached(parts) : recomputed(parts);
}

/** Keys and values of earlier tokens are kept. */
function cached(parts: HistoryParts, cache = cacheFor(parts)): History {
  const { programs, modulations } = parts;
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
        disposePast(past);
        isRunning = false;
        if (isDisposed) cache.release();
      }
    },
    async keepRows(rows, own) {
      const kept = { ...parts, modulations: own };
      const smaller = cacheFor(kept);
      await smaller.append(await cache.firstRows(rows));
      return cached(kept, smaller);
    },
    dispose() {
      isDisposed = true;
      if (!isRunning) cache.release();
    },
  };
}

function cacheFor({ config: { depth, heads, width }, programs, modulations, group_L }: HistoryParts): TokenCache {
  const rows = modulations.head_R2D.shape[0]!;
  return new TokenCache({ blocks: depth, length: group_L.length, rows, heads, headSize: width / heads }, programs.grow);
}

interface CacheSize {
  readonly blocks: number;
  /** Tokens of the whole image. */
  readonly length: number;
  readonly rows: number;
  readonly heads: number;
  readonly headSize: number;
}

/**
 * Keys and values of all tokens so far, on the target: see `Engine.growing`. Tokens come first: copying heads first instead would
 * cost four times as much.
 */
export class TokenCache {
  readonly #length: number;
  readonly #grown: GrowingTensors;
  #filled = 0;

  constructor({ blocks, length, rows, heads, headSize }: CacheSize, grow: Engine['growing']) {
    this.#length = length;
    this.#grown = grow({ count: 2 * blocks, shape: [rows, heads, headSize], rows: length });
  }

  /** What is filled, [filled, R, N, H]; the caller disposes it before the next append. */
  view(): Past {
    const tensors = this.#grown.view() as readonly Tensor4D[];
    return Array.from({ length: tensors.length / 2 }, (_, block) => ({
      k_PRNH: tensors[2 * block]!,
      v_PRNH: tensors[2 * block + 1]!,
    }));
  }

  /** Appends new keys and values, and disposes them. Those of the last tokens are never read, so they are not kept. */
  async append(added: Past): Promise<void> {
    this.#filled += added[0]!.k_PRNH.shape[0];
    if (this.#filled < this.#length) {
      await this.#grown.append(added.flatMap(({ k_PRNH, v_PRNH }) => [k_PRNH, v_PRNH]));
    } else {
      this.release();
      disposePast(added);
    }
  }

  /** A copy of what is filled, of the first rows alone: [filled, rows, N, H]. */
  async firstRows(rows: number): Promise<Past> {
    const past = this.view();
    const kept = past.map(async ({ k_PRNH, v_PRNH }) => ({
      k_PRNH: await rowsOfTokens(k_PRNH, rows),
      v_PRNH: await rowsOfTokens(v_PRNH, rows),
    }));
    return Promise.all(kept).finally(() => disposePast(past));
  }

  /** Gives the memory back. No program may be reading it. */
  release(): void {
    this.#grown.release();
  }
}

async function rowsOfTokens(x_PRNH: Tensor4D, rows: number): Promise<Tensor4D> {
  const [P, R, N, H] = x_PRNH.shape;
  const all = await x_PRNH.data<'float32'>();
  const kept = new Float32Array(P * rows * N * H);
  for (let token = 0; token < P; token++) {
    const at = token * R * N * H;
    kept.set(all.subarray(at, at + rows * N * H), token * rows * N * H);
  }
  return tensorFrom(kept, [P, rows, N, H]) as Tensor4D;
}

function disposePast(past: Past): void {
  for (const { k_PRNH, v_PRNH } of past) {
    k_PRNH.dispose();
    v_PRNH.dispose();
  }
}

/** Every step computes all tokens so far again, under a mask: slow and simple, to check the cache against. */
function recomputed(parts: HistoryParts, past: readonly Float32Array[] = []): History {
  const { programs, modulations, group_L } = parts;
  const steps = [...past];
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
    keepRows: async (rows, own) => {
      const share = rows / modulations.head_R2D.shape[0]!;
      const kept = steps.map((x_RlD) => x_RlD.subarray(0, x_RlD.length * share));
      return recomputed({ ...parts, modulations: own }, kept);
    },
    dispose: () => {
      steps.length = 0;
    },
  };
}

/** Tensors of [R, l, D] joined along l. */
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
