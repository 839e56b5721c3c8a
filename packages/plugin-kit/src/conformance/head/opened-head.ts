import type { Tensor3D } from '@tensorflow/tfjs';
import { keyedRng, tensorFrom, type SampleRng } from '@tessera/engine';
import { classOf, type Head, type HeadPlugin, type Space, type SpaceShape } from '@tessera/core';
import { type PartTrial, someCodes, someNumbers, type Trial } from '../options.ts';
import { guardPlugin } from '../../guard/guard-plugin.ts';
import { spaceOf, withBench, type Bench } from '../bench.ts';

/** Numbers of a made-up hidden state. */
export const WIDTH = 16;

/** A built head with what it is tried on. */
export interface OpenedHead {
  readonly plugin: HeadPlugin;
  readonly head: Head;
  readonly space: Space;
  readonly bench: Bench;
  readonly trial: Trial;
  /** Parsed by its schema. */
  readonly options: unknown;
}

export function shapeOf({ space }: HeadPlugin, trial: Trial): SpaceShape {
  return trial.space ?? (space === 'discrete' ? someCodes : someNumbers);
}

/** Builds a head with fresh weights, and clears it away. */
export async function withHead<T>(
  { plugin, trial, target }: PartTrial<HeadPlugin>,
  use: (opened: OpenedHead) => Promise<T>,
): Promise<T> {
  return withBench({ target, seed: trial.seed }, async (bench) => {
    const shape = shapeOf(plugin, trial);
    const space = spaceOf(shape);
    const config = plugin.config.parse(trial.config, plugin.name);
    const options = plugin.options(shape).parse(trial.options, plugin.name);
    const head = guardPlugin(plugin).build(config, { width: WIDTH, space }, bench);
    try {
      return await use({ plugin, head, space, bench, trial, options });
    } finally {
      head.dispose();
      if (space.kind === 'discrete') space.codebook_VC.dispose();
    }
  });
}

/** One step of sampling. */
export interface Draw {
  readonly seeds: readonly number[];
  /** Of one image, [l, D]; an image's own hidden states where they differ. */
  readonly hidden: Float32Array | ((seed: number) => Float32Array);
  /** The null class' hidden states; left out: unguided. */
  readonly blind?: Float32Array | ((seed: number) => Float32Array);
  /** Guidance; 1 unless said. */
  readonly weight?: number;
  /** Step of the order, of three. */
  readonly step?: number;
  readonly options?: unknown;
  readonly signal?: AbortSignal;
  /** Random numbers, where they are watched. */
  readonly rng?: SampleRng;
}

/** What a step gave, read back. */
export interface Drawn {
  /** [B, l, C]. */
  readonly values: Float32Array;
  /** [B, l]. */
  readonly index: Int32Array | null;
  readonly confidence: Float32Array | null;
  /** Tokens of an image. */
  readonly tokens: number;
}

/** Tokens at every other position. */
export const positionOf = (place: number): number => 2 * place;

export async function draw({ head, options }: OpenedHead, asked: Draw): Promise<Drawn> {
  const { seeds, hidden, blind, weight = 1, step: index = 1, signal = new AbortController().signal } = asked;
  const of = (some: NonNullable<Draw['blind']>) =>
    seeds.map((seed) => (typeof some === 'function' ? some(seed) : some));
  const rows = [...of(hidden), ...(blind ? of(blind) : [])];
  const all = new Float32Array(rows.length * rows[0]!.length);
  for (const [row, numbers] of rows.entries()) all.set(numbers, row * numbers.length);
  const l = rows[0]!.length / WIDTH;
  const values_RlD = tensorFrom(all, [rows.length, l, WIDTH]) as Tensor3D;
  const positions_Bl = Int32Array.from({ length: seeds.length * l }, (_, i) => positionOf(i % l));
  const before = 3 * l - index * l;
  try {
    const { tokens, confidence_Bl } = await head.sample(
      { values_RlD, positions_Bl, guided: blind !== undefined },
      {
        step: { index, of: 3, before, after: before - l, positions_Bl },
        rows: seeds.map((seed) => ({ seed, condition: classOf(0) })),
        weight,
        rng: asked.rng ?? keyedRng(seeds),
        options: asked.options ?? options,
        signal,
      },
    );
    const values = Float32Array.from(await tokens.values_BlC.data());
    const codes = tokens.index_Bl ? Int32Array.from(await tokens.index_Bl.data()) : null;
    tokens.values_BlC.dispose();
    tokens.index_Bl?.dispose();
    return { values, index: codes, confidence: confidence_Bl?.slice() ?? null, tokens: l };
  } finally {
    values_RlD.dispose();
  }
}

/** All that is seen of drawn tokens, as one list. */
export function seenOf({ values, index, confidence }: Drawn): number[] {
  return [...values, ...(index ?? [-1]), ...(confidence ?? [-1])];
}
