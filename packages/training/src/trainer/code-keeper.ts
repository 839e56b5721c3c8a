import type { TrainResult, TrainStep } from '@tessera/engine';
import { deadCodes, emptyUsage, recordHits, usageMargin, usagePercent, type CodeUsage } from '@tessera/tokenizer-vq';
import type { VqRecipe } from '../recipe/recipe.ts';
import type { State } from './checkpoint.ts';
import { drawRows, replaceRows } from './codebook.ts';

/** Name of the codebook among the parameters. */
const CODEBOOK = 'quantize.embedding.weight';

export interface CodeKeeperOptions {
  readonly recipe: VqRecipe;
  readonly seed: number;
  readonly scales: number;
  readonly vocabulary: number;
  readonly channels: number;
  /** Tokens of one image, and positions of the latent map. */
  readonly length: number;
  readonly positions: number;
}

/** Watches which codes are in use, and starts the dead ones again. */
export interface CodeKeeper {
  /** Fills the whole codebook with rows of `residual_NC`. */
  start(trainStep: TrainStep, residual_NC: Float32Array, round: number): Promise<void>;
  /** Counts the hits of a step. */
  record(result: TrainResult): void;
  /** Whether dead codes start again after this step. */
  due(step: number): boolean;
  /** Starts dead codes again, from rows of `residual_NC`. */
  revive(trainStep: TrainStep, residual_NC: Float32Array, step: number): Promise<void>;
  /** Percent of the codebook in use at each scale. */
  usage(): readonly number[];
  /** How many codes have started again so far. */
  revived(): number;
  readonly memory: { save(): State; load(state: State): void };
}

/**
 * Codes that few positions choose never learn: with a random start half of a codebook stays unused. Codes therefore
 * start from what encoded images leave to explain, and a code whose hits fall below a share of the mean starts again
 * from such residuals of the batch at hand, in the first part of the training.
 */
export function codeKeeper(options: CodeKeeperOptions): CodeKeeper {
  const { recipe, seed, scales, vocabulary, channels, length, positions } = options;
  const { deadBelow, reviveUntil, reviveEvery } = recipe.codebook;
  const mean = (recipe.batch * length) / vocabulary;
  let usage = emptyUsage(scales, vocabulary);
  let revived = 0;
  const draw = (rows_NC: Float32Array, count: number, step: number) =>
    drawRows(rows_NC, { channels, count, seed, step });

  return {
    async start(trainStep, residual_NC, round) {
      const all = [...Array(vocabulary).keys()];
      await replaceCodes(trainStep, all, { channels, values: draw(residual_NC, vocabulary, 2 ** 31 + round) });
    },
    record({ aux }) {
      usage = recordHits(usage, aux['hits_SV'] as Float32Array, scales);
    },
    due: (step) => step + 1 <= reviveUntil * recipe.steps && reviveEvery > 0 && (step + 1) % reviveEvery === 0,
    async revive(trainStep, residual_NC, step) {
      const dead = deadCodes(usage, scales, deadBelow * mean);
      if (dead.length === 0) return;
      await replaceCodes(trainStep, dead, { channels, values: draw(residual_NC, dead.length, step) });
      usage = spare(usage, dead, { vocabulary, hits: mean });
      revived += dead.length;
    },
    usage: () => usagePercent(usage, scales, usageMargin(recipe.batch * positions, vocabulary)),
    revived: () => revived,
    memory: {
      save: () =>
        new Map([
          ['usage.ema_SV', { data: usage.ema_SV, shape: [scales, vocabulary] }],
          ['usage.counters', { data: Float32Array.of(usage.recorded, revived), shape: [2] }],
        ]),
      load(state) {
        const [recorded, started] = state.get('usage.counters')!.data;
        usage = { ema_SV: state.get('usage.ema_SV')!.data, recorded: recorded! };
        revived = started!;
      },
    },
  };
}

/** New values for some codes; what the optimiser remembers of the old ones is forgotten. */
async function replaceCodes(
  trainStep: TrainStep,
  rows: readonly number[],
  { channels, values }: { channels: number; values: Float32Array },
): Promise<void> {
  const state = new Map(await trainStep.state());
  const put = (key: string, replacement: Float32Array | number) => {
    const held = state.get(key);
    if (held) state.set(key, { ...held, data: replaceRows(held.data, rows, { channels, values: replacement }) });
  };
  put(`param.${CODEBOOK}`, values);
  put(`ema.${CODEBOOK}`, values);
  put(`m.${CODEBOOK}`, 0);
  put(`v.${CODEBOOK}`, 0);
  await trainStep.load(state);
}

/** A revived code counts as used for a while, or it would be replaced again before it had learned. */
function spare(
  { ema_SV, recorded }: CodeUsage,
  codes: readonly number[],
  { vocabulary, hits }: { vocabulary: number; hits: number },
): CodeUsage {
  const finest = ema_SV.slice();
  for (const code of codes) finest[finest.length - vocabulary + code] = hits;
  return { ema_SV: finest, recorded };
}
