import * as tf from '@tensorflow/tfjs';
import type { Tensor4D } from '@tensorflow/tfjs';
import { keyedRng, tensorFrom, type TargetName, type TraceRng } from '@tessera/engine';
import { buildTokenizer } from '../../build-parts.ts';
import type { Kept, Tokenizer } from '../../contracts.ts';
import type { TokenizerPlugin } from '../../plugin.ts';
import type { Step } from '../../step.ts';
import type { Tokens } from '../../tokens.ts';
import { plainRng, take, withBench, type Bench } from '../bench.ts';
import { apart } from '../compare.ts';
import { caseOf, type Case, type Property } from '../case.ts';
import type { Trial } from '../options.ts';

interface Opened {
  readonly tokenizer: Tokenizer;
  readonly bench: Bench;
}

/** A tokenizer alone: pictures are made up. */
export function tokenizerCases(plugin: TokenizerPlugin, trial: Trial): Case[] {
  const on = (target: TargetName, property: Property, check: (opened: Opened) => Promise<string | null>): Case =>
    caseOf({ plugin, property, on: target, limit: trial.limit }, () =>
      withBench({ target, seed: trial.seed }, async (bench) => {
        const config = plugin.config.parse(trial.config, plugin.name);
        const tokenizer = buildTokenizer(plugin, config, bench);
        try {
          return await check({ tokenizer, bench });
        } finally {
          tokenizer.dispose();
        }
      }),
    );
  return trial.targets.flatMap((target) => [
    on(target, 'shapes', async (opened) => misshapen(opened)),
    on(target, 'determinism', async (opened) => {
      const [once, again] = [await tokensOf(opened, [1, 2]), await tokensOf(opened, [1, 2])];
      return apart('tokens of one picture', once, again);
    }),
    on(target, 'batch', async (opened) => {
      // Noise of training is drawn for a whole batch: means are compared.
      const [together, alone] = [await tokensOf(opened, [1, 2, 3], null), await tokensOf(opened, [2], null)];
      return apart('tokens of one picture', together.subarray(alone.length, 2 * alone.length), alone);
    }),
    on(target, 'causality', async (opened) => (await foreseen(opened)) ?? (await unlike(opened))),
    on(target, 'kept', (opened) => overwritten(opened)),
    on(target, 'leaks', async (opened) => {
      await painted(opened);
      await tokensOf(opened, [1]);
      const before = tf.memory().numTensors;
      await painted(opened);
      await tokensOf(opened, [1]);
      const left = tf.memory().numTensors - before;
      return left === 0 ? null : `${left} tensors after one picture`;
    }),
    on(target, 'dispose', async (opened) => {
      const canvas = opened.tokenizer.openCanvas(rowsOf(1), null, opened.tokenizer.serves[0]!);
      canvas.dispose();
      canvas.dispose();
      opened.tokenizer.dispose();
      opened.tokenizer.dispose();
      const gone = opened.bench.params.find(({ variable }) => variable.isDisposed);
      return gone ? `the weight ${gone.name} disposed by the tokenizer` : null;
    }),
  ]);
}

const rowsOf = (count: number) => Array.from({ length: count }, (_, row) => ({ seed: row, label: 0 }));

function picturesOf({ tokenizer: { image } }: Opened, seeds: readonly number[]): Tensor4D {
  const { height, width, channels } = image;
  const size = height * width * channels;
  const rng = keyedRng(seeds);
  const data = seeds.map((_, row) => rng.uniform({ row, stream: 'picture', step: 0, position: 0 }, size));
  return tensorFrom(Float32Array.from(data.flatMap((one) => [...one])), [
    seeds.length,
    height,
    width,
    channels,
  ]) as Tensor4D;
}

/** The caller disposes them. */
async function encoded(opened: Opened, seeds: readonly number[], rng: TraceRng | null): Promise<Tokens> {
  const pictures = picturesOf(opened, seeds);
  const encoding = await opened.tokenizer.encode(pictures).finally(() => pictures.dispose());
  try {
    return tf.tidy(() => opened.tokenizer.draw(encoding, rng) as unknown as tf.TensorContainer) as unknown as Tokens;
  } finally {
    encoding.index_BL?.dispose();
    encoding.moments?.dispose();
  }
}

async function tokensOf(
  opened: Opened,
  seeds: readonly number[],
  rng: TraceRng | null = plainRng(1),
): Promise<Float32Array> {
  const { values_BlC, index_Bl } = await encoded(opened, seeds, rng);
  index_Bl?.dispose();
  return take(values_BlC);
}

async function misshapen(opened: Opened): Promise<string | null> {
  const { tokenizer } = opened;
  const last = tokenizer.layout.scales.at(-1)!;
  const kept = tokenizer.keepMask(new Uint8Array(last.height * last.width).fill(1));
  if (kept.length !== tokenizer.layout.length) return `a mask of ${kept.length} tokens`;
  const { values_BlC, index_Bl } = await encoded(opened, [1, 2], null);
  const [B, l] = values_BlC.shape;
  const indexed = tokenizer.space.kind === 'continuous' || String(index_Bl?.shape) === `${B},${l}`;
  index_Bl?.dispose();
  const finite = (await take(values_BlC)).every(Number.isFinite);
  if (!indexed) return 'codes without an index each';
  if (B !== 2 || l !== tokenizer.layout.length) return `tokens of [${B}, ${l}]`;
  const pixels = await painted(opened);
  if (!finite || !pixels.every((value) => value >= 0 && value <= 1))
    return 'numbers that are not finite or not in [0, 1]';
  return null;
}

function stepsOf({ tokenizer: { layout } }: Opened, reads: string): Step[] {
  const parts = reads === 'estimate' ? layout.scales.map(({ height, width }) => height * width) : [layout.length];
  let start = 0;
  return parts.map((l, index) => {
    const positions_Bl = Int32Array.from({ length: l }, (_, i) => start + i);
    const step = {
      index,
      of: parts.length,
      before: layout.length - start,
      after: layout.length - start - l,
      positions_Bl,
    };
    start += l;
    return step;
  });
}

interface Painting {
  readonly reads?: Tokenizer['serves'][number];
  readonly kept?: Kept | null;
  /** Takes what the canvas gives before every step. */
  readonly seen?: (step: Step, values: Float32Array) => void;
  readonly picture?: number;
}

/** Writes one picture's tokens to a canvas and renders it: its pixels. */
async function painted(
  opened: Opened,
  { reads, kept = null, seen, picture = 1 }: Painting = {},
): Promise<Float32Array> {
  const { tokenizer } = opened;
  const as = reads ?? tokenizer.serves[0]!;
  const all = await tokensOf(opened, [picture]);
  const C = tokenizer.space.channels;
  const canvas = tokenizer.openCanvas(rowsOf(1), kept, as);
  try {
    for (const step of stepsOf(opened, as)) {
      const context = await canvas.read(step);
      if (context.reads === 'estimate' && context.values_BlC)
        seen?.(step, Float32Array.from(await context.values_BlC.data()));
      for (const held of Object.values(context))
        if (held !== null && typeof held === 'object') (held as tf.Tensor).dispose();
      const [start, l] = [step.positions_Bl[0]!, step.positions_Bl.length];
      const values_BlC = tensorFrom(all.slice(start * C, (start + l) * C), [1, l, C]) as tf.Tensor3D;
      await canvas.write(step, { values_BlC }).finally(() => values_BlC.dispose());
    }
    await canvas.preview('decoded');
    return Float32Array.from((await canvas.render(0)).data);
  } finally {
    canvas.dispose();
  }
}

async function estimatesOf({ tokenizer }: Opened, values: Float32Array): Promise<Float32Array> {
  const values_BLC = tensorFrom(values, [1, tokenizer.layout.length, tokenizer.space.channels]) as tf.Tensor3D;
  const estimates = tf.tidy(() => tokenizer.estimates!(values_BLC));
  values_BLC.dispose();
  return take(estimates);
}

/** Estimates of teacher forcing must not look at the last scale's tokens. */
async function foreseen(opened: Opened): Promise<string | null> {
  const { tokenizer } = opened;
  if (!tokenizer.estimates) return null;
  const values = await tokensOf(opened, [1]);
  const last = tokenizer.layout.scales.at(-1)!.start * tokenizer.space.channels;
  const altered = values.map((value, i) => (i < last ? value : value + 3));
  return apart(
    'estimates under other tokens to come',
    await estimatesOf(opened, values),
    await estimatesOf(opened, altered),
  );
}

/** What training estimates is what the canvas gives. */
async function unlike(opened: Opened): Promise<string | null> {
  const { tokenizer } = opened;
  if (!tokenizer.estimates) return null;
  const given: number[] = [];
  await painted(opened, { reads: 'estimate', seen: (_, values) => given.push(...values) });
  return apart('estimates of training and canvas', await estimatesOf(opened, await tokensOf(opened, [1])), given);
}

/** A canvas whose every token is kept shows the kept picture, whatever is written. */
async function overwritten(opened: Opened): Promise<string | null> {
  const { layout, space, serves } = opened.tokenizer;
  const values_BLC = tensorFrom(await tokensOf(opened, [1]), [1, layout.length, space.channels]) as tf.Tensor3D;
  try {
    for (const reads of serves) {
      const kept = { values_BLC, keep_L: new Uint8Array(layout.length).fill(1) };
      const own = await painted(opened, { reads });
      const far = apart('pixels of a kept picture', own, await painted(opened, { reads, kept, picture: 2 }));
      if (far !== null) return far;
    }
    return null;
  } finally {
    values_BLC.dispose();
  }
}
