import type { Layout } from '@tessera/core';
import { keyedRng, type TrainResult, type TrainStep } from '@tessera/engine';
import { schema, type FieldType } from '@tessera/schema';
import { type CodeUsage, deadCodes, emptyUsage, recordHits, usageMargin, usagePercent } from '@tessera/tokenizer-vq';
import type { State } from '../stage/checkpoint.ts';
import type { EncodedSplit } from './encoded-split.ts';

const { integer, number, object, optional } = schema;
const share = number({ min: 0, max: 1 });

/** Section `tokenizer.codebook` of a recipe. */
export const codebookFields = optional(
  object({
    /** Images whose residuals the codes start from; 0 leaves them as initialised. */
    startImages: optional(integer({ min: 0 }), 512),
    /** A code with fewer hits than this share of the mean is dead. */
    deadBelow: optional(share, 0.03),
    /** Dead codes are revived until this share of the training. */
    reviveUntil: optional(share, 0.6),
    /** Steps. */
    reviveEvery: optional(integer({ min: 1 }), 50),
  }),
  { startImages: 512, deadBelow: 0.03, reviveUntil: 0.6, reviveEvery: 50 },
);

/** Name of the codebook among the parameters. */
const CODEBOOK = 'quantize.embedding.weight';

interface CodebookRevivalOptions {
  readonly recipe: {
    readonly steps: number;
    readonly batch: number;
    readonly codebook: FieldType<typeof codebookFields>;
  };
  readonly seed: number;
  readonly scales: number;
  readonly vocabulary: number;
  readonly channels: number;
  /** Tokens of one image, and positions of the latent map. */
  readonly length: number;
  readonly positions: number;
}

/** Counts which codes are in use, and revives dead ones. */
export interface CodebookRevival {
  /** Fills the whole codebook with rows of `residual_NC`. */
  start(trainStep: TrainStep, residual_NC: Float32Array, round: number): Promise<void>;
  /** Counts the hits of a step. */
  record(result: TrainResult): void;
  /** Whether dead codes are revived after this step. */
  due(step: number): boolean;
  /** Replaces dead codes by rows of `residual_NC`. */
  revive(trainStep: TrainStep, residual_NC: Float32Array, step: number): Promise<void>;
  /** Percent of the codebook in use at each scale. */
  usage(): readonly number[];
  /** How many codes were revived so far. */
  revived(): number;
  readonly memory: { save(): State; load(state: State): void };
}

/**
 * Codes that few positions choose hardly train: with a random start, half of a codebook stays unused. Codes therefore
 * start from residuals of encoded images. In the first part of the training, a code whose hits fall below a share of the
 * mean is replaced by a residual of the current batch.
 */
export function codebookRevival(options: CodebookRevivalOptions): CodebookRevival {
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
      usage = countAsUsed(usage, dead, { vocabulary, hits: mean });
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

/** Sets new values for some codes, and resets the optimiser's moments of them. */
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

/** Counts a revived code as used for a while. Otherwise it would be replaced again before it has trained. */
function countAsUsed(
  { ema_SV, recorded }: CodeUsage,
  codes: readonly number[],
  { vocabulary, hits }: { vocabulary: number; hits: number },
): CodeUsage {
  const finest = ema_SV.slice();
  for (const code of codes) finest[finest.length - vocabulary + code] = hits;
  return { ema_SV: finest, recorded };
}

/** Draws `count` rows of `rows_NC` with replacement. The same seed and step give the same rows. */
function drawRows(
  rows_NC: Float32Array,
  { channels, count, seed, step }: { channels: number; count: number; seed: number; step: number },
): Float32Array {
  const total = rows_NC.length / channels;
  const draw = keyedRng([seed]).uniform({ row: 0, stream: 'codes', step, position: 0 }, count);
  const out = new Float32Array(count * channels);
  for (let i = 0; i < count; i++) {
    const row = Math.min(total - 1, Math.floor(draw[i]! * total));
    out.set(rows_NC.subarray(row * channels, (row + 1) * channels), i * channels);
  }
  return out;
}

/** A copy of `table_VC` with these rows replaced, in order. */
function replaceRows(
  table_VC: Float32Array,
  rows: readonly number[],
  { channels, values }: { channels: number; values: Float32Array | number },
): Float32Array {
  const out = table_VC.slice();
  for (const [i, row] of rows.entries()) {
    const from = row * channels;
    if (typeof values === 'number') out.fill(values, from, from + channels);
    else out.set(values.subarray(i * channels, (i + 1) * channels), from);
  }
  return out;
}

/** Percent of a codebook that is in use: over all positions (`union`), and per scale. */
export interface CodebookUsage {
  readonly union: number;
  readonly scales: readonly number[];
}

/** Measures how much of a codebook of `vocabulary` entries the tokens of a split use. */
export function codebookUsage(
  { count, read }: Pick<EncodedSplit, 'count' | 'read'>,
  { vocabulary, layout }: { vocabulary: number; layout: Layout },
): CodebookUsage {
  const index_NL = read(Int32Array.from({ length: count }, (_, n) => n));
  const used = (from: number, to: number): number => {
    const seen = new Uint8Array(vocabulary);
    for (let start = 0; start < index_NL.length; start += layout.length) {
      for (let i = start + from; i < start + to; i++) seen[index_NL[i]!] = 1;
    }
    return (100 * seen.reduce((sum, one) => sum + one, 0)) / vocabulary;
  };
  return {
    union: used(0, layout.length),
    scales: layout.scales.map(({ start, height, width }) => used(start, start + height * width)),
  };
}
