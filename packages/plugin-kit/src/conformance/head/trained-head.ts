import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import {
  classOf,
  spaceFor,
  type Described,
  type Head,
  type HeadPlugin,
  type OpenMix,
  type Space,
  type SpaceShape,
  type Tokens,
} from '@tessera/core';
import { keyedRng, tensorFrom, type SampleRng } from '@tessera/engine';
import type { TargetName } from '@tessera/targets';
import {
  disposeSpace,
  load,
  spaceOf,
  trains,
  valuesOf,
  withBench,
  type Bench,
  type BenchValues,
  type TrainTask,
} from '../bench.ts';
import { bookOf, codesAt, drawsCodes } from './book.ts';
import { hiddenOf, KINDS, toyBatch, toyOf, type Toy } from './toy.ts';
import { someCodes, someFactors, someNumbers, type PartTrial, type Trial } from '../options.ts';
import { guardPlugin } from '../../guard/guard-plugin.ts';

/** Images drawn at once: with six tokens each, 1536 draws to judge by. */
export const IMAGES = 256;

/** A head whose weights have learnt the toy. */
export interface TrainedHead extends OpenedHead {
  readonly toy: Toy;
}

/** Teaches a head once, where that is quick, and gives the learnt weights to a head on any target. */
export class HeadTraining {
  /** The target of the teaching, on which its samples are judged. */
  readonly target: TargetName;
  readonly #spec: Omit<PartTrial<HeadPlugin>, 'target'>;
  #learnt: Promise<BenchValues> | null = null;

  constructor(spec: Omit<PartTrial<HeadPlugin>, 'target'>) {
    const { targets } = spec.trial;
    this.target = targets.find((one) => one !== 'eager') ?? targets[0]!;
    this.#spec = spec;
  }

  async on<T>(target: TargetName, use: (trained: TrainedHead) => Promise<T>): Promise<T> {
    this.#learnt ??= this.#teach();
    const learnt = await this.#learnt;
    return withHead({ ...this.#spec, target }, async (opened) => {
      load(opened.bench, learnt);
      return use({ ...opened, toy: toyFor(opened) });
    });
  }

  async #teach(): Promise<BenchValues> {
    return withHead({ ...this.#spec, target: this.target }, async (opened) => {
      const { head, space, bench, trial } = opened;
      const batch = toyBatch(toyFor(opened), trial.seed);
      try {
        const loss: TrainTask['loss'] = (given, rng) =>
          head.loss(hiddenFrom(given), targetOf(given, space), { rng, train: true });
        await trains(bench, { batch, loss }, trial.learning);
        return await valuesOf(bench);
      } finally {
        for (const tensor of Object.values(batch)) tensor.dispose();
      }
    });
  }
}

function toyFor({ space, plugin, trial }: OpenedHead): Toy {
  return toyOf({ space, width: WIDTH, codes: drawsCodes(plugin), seed: trial.seed });
}

export function hiddenFrom(given: Readonly<Record<string, Tensor>>) {
  return { values_BlD: given['hidden_BlD'] as Tensor3D, positions_Bl: null };
}

/** Tokens of a batch by their codes, or by their values alone. Those of factors have no index. */
export function targetOf(given: Readonly<Record<string, Tensor>>, space: Space): Tokens {
  const index_Bl = given['index_Bl'] as Tensor2D | undefined;
  if (!index_Bl || space.kind === 'continuous') return { values_BlC: given['values_BlC'] as Tensor3D };
  const values_BlC = tf.gather(bookOf(space), index_Bl) as unknown as Tensor3D;
  return space.kind === 'discrete' ? { values_BlC, index_Bl } : { values_BlC };
}

/** Kinds whose hidden states stand at the six places of an image, and those of the null class where guided. */
export const kindAt = (place: number): number => place;
export const nullAt = (place: number): number => (place + 1) % KINDS;

const places = Array.from({ length: KINDS }, (_, place) => place);

/** One token of every kind for each of many images. */
export async function drawKinds(
  trained: TrainedHead,
  { guided = false, ...asked }: Partial<Omit<Draw, 'hidden' | 'blind'>> & { readonly guided?: boolean } = {},
): Promise<Drawn> {
  const { toy, trial } = trained;
  return draw(trained, {
    seeds: Array.from({ length: IMAGES }, (_, row) => 1000 * trial.seed + row),
    hidden: hiddenOf(toy, places.map(kindAt)),
    ...(guided && { blind: hiddenOf(toy, places.map(nullAt)) }),
    ...asked,
  });
}

/** Numbers of a synthetic hidden state. */
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
  if (trial.space) return spaceFor({ space }, trial.space);
  return { discrete: someCodes, factors: someFactors, continuous: someNumbers }[space];
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
    bench.begin();
    const head = guardPlugin(plugin).build(config, { width: WIDTH, space }, bench);
    try {
      return await use({ plugin, head, space, bench, trial, options });
    } finally {
      head.dispose();
      disposeSpace(space);
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
  /** Of a guidance that mixes predictions in its own way. */
  readonly mix?: OpenMix;
  /** Step of the order, of three. */
  readonly step?: number;
  readonly options?: unknown;
  readonly signal?: AbortSignal;
  /** Whether to ask what tokens were drawn from. */
  readonly described?: boolean;
  /** Random numbers, where they are watched. */
  readonly rng?: SampleRng;
}

/** What a step gave, read back. */
export interface Drawn {
  /** [B, l, C]. */
  readonly values: Float32Array;
  /** The code of each token (see `book.ts`), [B, l]; null of heads that draw values. */
  readonly index: Int32Array | null;
  readonly confidence: Float32Array | null;
  /** What the head says of the distributions that tokens were drawn from; null where it says nothing. */
  readonly described: Described | null;
  /** Tokens of an image. */
  readonly tokens: number;
}

/** Tokens at every other position. */
const positionOf = (place: number): number => 2 * place;

export async function draw({ head, options, plugin, space }: OpenedHead, asked: Draw): Promise<Drawn> {
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
    const { tokens, confidence_Bl, describe } = await head.sample(
      { values_RlD, positions_Bl, guided: blind !== undefined },
      {
        step: { index, of: 3, before, after: before - l, positions_Bl },
        rows: seeds.map((seed) => ({ seed, condition: classOf(0) })),
        weight,
        ...(asked.mix && { mix: asked.mix }),
        rng: asked.rng ?? keyedRng(seeds),
        options: asked.options ?? options,
        signal,
      },
    );
    const told = (asked.described && describe?.()) || null;
    const values = Float32Array.from(await tokens.values_BlC.data());
    const given = tokens.index_Bl ? Int32Array.from(await tokens.index_Bl.data()) : null;
    const codes = drawsCodes(plugin) && space.kind === 'factors' ? await codesAt(values, space) : given;
    tokens.values_BlC.dispose();
    tokens.index_Bl?.dispose();
    return { values, index: codes, confidence: confidence_Bl?.slice() ?? null, described: told, tokens: l };
  } finally {
    values_RlD.dispose();
  }
}

/** All numbers of drawn tokens, as one list. */
export function seenOf({ values, index, confidence }: Drawn): number[] {
  return [...values, ...(index ?? [-1]), ...(confidence ?? [-1])];
}
