import * as tf from '@tensorflow/tfjs';
import type { Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import { keyedRng, tensorFrom, type TraceRng } from '@tessera/engine';
import { guardPlugin } from '../../guard/guard-plugin.ts';
import type { Context, Kept, PictureSize, Pixels, Reads, Step, Tokenizer, TokenizerPlugin } from '@tessera/core';
import type { PartTrial, Trial } from '../options.ts';
import { plainRng, shake, withBench, type Bench } from '../bench.ts';
import { classOf } from '@tessera/core';
import { sameWeights } from '../same-weights.ts';

/** A built tokenizer, with perturbed weights. */
export interface OpenedTokenizer {
  readonly tokenizer: Tokenizer;
  readonly bench: Bench;
  readonly trial: Trial;
}

/** `size`: of other pictures than those of its configuration, which the same weights make. */
export async function withTokenizer<T>(
  { plugin, trial, target, size }: PartTrial<TokenizerPlugin> & { readonly size?: PictureSize },
  use: (opened: OpenedTokenizer) => Promise<T>,
): Promise<T> {
  return withBench({ target, seed: trial.seed }, async (bench) => {
    bench.begin();
    const guarded = guardPlugin(plugin);
    const config = plugin.config.parse(trial.config, plugin.name);
    const { engine } = bench;
    const { first, again } = sameWeights(bench.weights);
    if (size) guarded.build(config, { engine, weights: first }).dispose();
    const tokenizer = size
      ? guarded.build(guarded.sized!.config(config, size), { engine, weights: again })
      : guarded.build(config, bench);
    shake(bench, trial.seed);
    try {
      return await use({ tokenizer, bench, trial });
    } finally {
      tokenizer.dispose();
    }
  });
}

/** Pictures by their number, as [H, W, channels] in [0, 1]: noise, of which no part is like another. */
export function pictureOf({ tokenizer: { image }, trial }: OpenedTokenizer, number: number): Float32Array {
  const size = image.height * image.width * image.channels;
  return keyedRng([1000 * trial.seed + number]).uniform({ row: 0, stream: 'picture', step: 0, position: 0 }, size);
}

/** Tokens of pictures, read back. */
export interface Encoded {
  /** [B, L, C]. */
  readonly values: Float32Array;
  /** [B, L]. */
  readonly index: Int32Array | null;
}

/** Encodes pictures together; drawn from their distributions, or without `rng` their means. */
export async function encode(
  { tokenizer }: OpenedTokenizer,
  pictures: readonly Float32Array[],
  rng: TraceRng | null = null,
): Promise<Encoded> {
  const { height, width, channels } = tokenizer.image;
  const all = new Float32Array(pictures.length * height * width * channels);
  for (const [row, picture] of pictures.entries()) all.set(picture, row * picture.length);
  const image_BHWC = tensorFrom(all, [pictures.length, height, width, channels]) as Tensor4D;
  const encoding = await tokenizer.encode(image_BHWC).finally(() => image_BHWC.dispose());
  const [values_BlC, index_Bl] = tf.tidy(() => {
    const tokens = tokenizer.draw(encoding, rng);
    return [tokens.values_BlC, ...(tokens.index_Bl ? [tokens.index_Bl] : [])];
  });
  try {
    const values = Float32Array.from(await values_BlC!.data());
    return { values, index: index_Bl ? Int32Array.from(await index_Bl.data()) : null };
  } finally {
    tf.dispose([values_BlC!, ...(index_Bl ? [index_Bl] : [])]);
    encoding.index_BL?.dispose();
    encoding.moments?.dispose();
  }
}

/** Tokens of synthetic pictures, drawn from their distributions. */
export async function tokensOf(opened: OpenedTokenizer, numbers: readonly number[]): Promise<Float32Array> {
  const pictures = numbers.map((number) => pictureOf(opened, number));
  return (await encode(opened, pictures, plainRng(opened.trial.seed))).values;
}

interface Painting {
  /** [B, L, C]. */
  readonly tokens: Float32Array;
  readonly rows?: number;
  readonly reads?: Reads;
  /** Kept tokens, [B, L, C], and which of them, [L]. */
  readonly kept?: { readonly tokens: Float32Array; readonly keep_L: Uint8Array };
  /** Whether pictures are asked for after every step, as a page asks for them. */
  readonly watched?: boolean;
  /** Takes what the canvas gives before every step, which is borrowed. */
  readonly seen?: (step: Step, context: Context) => Promise<void>;
}

/** Writes tokens to a canvas, step by step, and renders every row. */
export async function paint(opened: OpenedTokenizer, painting: Painting): Promise<Float32Array[]> {
  const { tokenizer } = opened;
  const { tokens, rows = 1, reads = tokenizer.serves[0]!, kept, watched = false, seen } = painting;
  const { layout, space } = tokenizer;
  const held = kept && keptOf(kept, [rows, layout.length, space.channels]);
  const canvas = tokenizer.openCanvas(rowsOf(rows), held ?? null, reads);
  try {
    for (const step of stepsOf(tokenizer, { rows, reads })) {
      const context = await canvas.read(step);
      await seen?.(step, context).finally(() => disposeContext(context));
      if (!seen) disposeContext(context);
      const values_BlC = tokensAt(tokens, step, { rows, length: layout.length });
      await canvas.write(step, { values_BlC }).finally(() => values_BlC.dispose());
      if (watched) await canvas.preview('decoded');
    }
    const shown = await canvas.preview('decoded');
    const pictures: Pixels[] = [];
    for (let row = 0; row < rows; row++) pictures.push(await canvas.render(row));
    if (shown) checkShown(shown, pictures);
    return pictures.map(({ data }) => Float32Array.from(data));
  } finally {
    canvas.dispose();
    held?.values_BLC.dispose();
  }
}

/** A decoded preview of all tokens is the picture. */
function checkShown(shown: readonly Pixels[], pictures: readonly Pixels[]): void {
  for (const [row, { data }] of pictures.entries()) {
    const other = shown[row]!.data.some((value, i) => Math.abs(value - data[i]!) > 1e-3);
    if (other) throw new Error(`a decoded preview of row ${row} that is not its picture`);
  }
}

function keptOf({ tokens, keep_L }: NonNullable<Painting['kept']>, shape: number[]): Kept {
  return { values_BLC: tensorFrom(tokens.slice(), shape) as Tensor3D, keep_L };
}

function disposeContext(context: Context): void {
  for (const held of Object.values(context))
    if (held !== null && typeof held === 'object') (held as tf.Tensor).dispose();
}

export const rowsOf = (count: number) =>
  Array.from({ length: count }, (_, row) => ({ seed: row, condition: classOf(0) }));

interface Batch {
  readonly rows: number;
  readonly length: number;
}

/** Tokens of a step, [B, l, C]. */
function tokensAt(tokens: Float32Array, { positions_Bl }: Step, { rows, length }: Batch): Tensor3D {
  const C = tokens.length / (rows * length);
  const l = positions_Bl.length / rows;
  const values = new Float32Array(positions_Bl.length * C);
  for (const [i, position] of positions_Bl.entries()) {
    const at = (Math.floor(i / l) * length + position) * C;
    values.set(tokens.subarray(at, at + C), i * C);
  }
  return tensorFrom(values, [rows, l, C]) as Tensor3D;
}

/** Scale after scale, or odd positions before even ones, of all or of each scale, or one by one from the last. */
export function stepsOf(
  { layout }: Tokenizer,
  { rows, reads }: { readonly rows: number; readonly reads: Reads },
): Step[] {
  const all = Array.from({ length: layout.length }, (_, position) => position);
  const scales = layout.scales.map(({ start, height, width }) => all.slice(start, start + height * width));
  const oddFirst = (some: readonly number[]): number[][] =>
    [1, 0].map((rest) => some.filter((at) => at % 2 === rest)).filter((set) => set.length > 0);
  const sets = {
    estimate: scales,
    known: oddFirst(all),
    scale: scales.flatMap(oddFirst),
    last: all.map((at) => [at]).reverse(),
  }[reads];
  let before = layout.length;
  return sets.map((set, index) => {
    const positions_Bl = Int32Array.from({ length: rows * set.length }, (_, i) => set[i % set.length]!);
    const step = { index, of: sets.length, before, after: before - set.length, positions_Bl };
    before -= set.length;
    return step;
  });
}
