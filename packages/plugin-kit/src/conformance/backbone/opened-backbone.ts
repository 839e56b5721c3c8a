import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { tensorFrom, type Program } from '@tessera/engine';
import {
  buildBackbone,
  byKey,
  conditionOf,
  scaleAt,
  type BackboneFacts,
  type BackboneParts,
  type BackbonePlugin,
  type BoundBackbone,
  type BoundBatch,
  type ConditionedFacts,
  type ConditionSpace,
  type Layout,
  type Reads,
  type Scale,
} from '@tessera/core';
import { oneMap, type PartTrial, someNumbers, type Trial, twoMaps } from '../options.ts';
import { guardPlugin } from '../../guard/guard-plugin.ts';
import { numbersOf, plainRng, shake, withBench, type Bench } from '../bench.ts';
import { sameWeights } from '../same-weights.ts';
import { toyCondition } from './toy-condition.ts';

/** A built backbone with perturbed weights, and its test inputs. */
export interface OpenedBackbone {
  readonly backbone: BoundBackbone;
  readonly facts: BackboneFacts | ConditionedFacts;
  readonly condition: ConditionSpace;
  readonly layout: Layout;
  readonly channels: number;
  readonly bench: Bench;
  readonly trial: Trial;
  /** Hidden states of a training batch and their positions, as the target computes them. */
  readonly teach: Program<[Given], Given>;
}

type Given = Record<string, Tensor>;

/** `trained`: the layout that the weights are of, where the backbone is to be built for another. */
export async function withBackbone<T>(
  { plugin, trial, target, trained }: PartTrial<BackbonePlugin> & { readonly trained?: Layout },
  use: (opened: OpenedBackbone) => Promise<T>,
): Promise<T> {
  const space = trial.space ?? someNumbers;
  return withBench({ target, seed: trial.seed }, async (bench) => {
    const config = plugin.config.parse(trial.config, plugin.name);
    const facts = plugin.describe(config);
    const layout = trial.layout ?? (readsScales(facts.reads) ? twoMaps : oneMap);
    const parts = guardedParts(plugin, config);
    const { space: condition } = conditionOf(parts);
    bench.begin();
    const { first, again } = sameWeights(bench.weights);
    const { engine } = bench;
    if (trained) buildBackbone(parts, { layout: trained, space }, { engine, weights: first }).dispose();
    const backbone = trained
      ? buildBackbone(parts, { layout, space, trained }, { engine, weights: again })
      : buildBackbone(parts, { layout, space }, bench);
    shake(bench, trial.seed);
    const teach = bench.engine.compile(
      (given: Given): Given => {
        const batch = trainBatchFrom(facts, given);
        const { values_BlD, positions_Bl } = backbone.teach(batch, { rng: plainRng(trial.seed), train: false });
        return { values_BlD, positions_Bl: positions_Bl ?? tf.fill([1, 1], -1, 'int32') };
      },
      { name: 'conformance.teach' },
    );
    try {
      return await use({ backbone, facts, condition, layout, channels: space.channels, bench, trial, teach });
    } finally {
      teach.dispose();
      backbone.dispose();
    }
  });
}

/** A guarded backbone; one without a condition of its own is given one that the kit makes up. */
export function guardedParts(plugin: BackbonePlugin, config: unknown): BackboneParts {
  const guarded = guardPlugin(plugin);
  const needs = guarded.contract === 2 ? guarded.describe(config).condition : null;
  return { plugin: guarded, config, condition: needs && !needs.own ? toyCondition(needs.forms) : undefined };
}

/** Tokens that are known at the cut, of bidirectional backbones. */
export const KNOWN = 3;

/** Whether a backbone needs a layout of several scales. */
export const readsScales = (reads: Reads): boolean => reads === 'estimate' || reads === 'scale';

/** How many tokens of a scale are known while its others are predicted, of backbones that read scales. */
export const knownOf = ({ height, width }: Scale): number => Math.floor((height * width) / 2);

/** Images of one training batch or rollout. */
export interface Images {
  readonly seeds: readonly number[];
  /** One each; the seed's own unless said. */
  readonly labels?: readonly number[];
  /** Positions come in an order of each image's own, where the backbone leaves that open; else as they lie. */
  readonly shuffled?: boolean;
  /** Moves tokens at these places of the order. */
  readonly moved?: (place: number) => boolean;
  /** Moves estimates at these positions. */
  readonly estimated?: (position: number) => boolean;
}

/** Positions of an image as they come. */
export function orderOf({ facts, layout }: OpenedBackbone, seed: number, { shuffled = false }: Images): number[] {
  const all = Array.from({ length: layout.length }, (_, position) => position);
  const keys = numbersOf('order', layout.length, seed);
  if (!shuffled || facts.reads === 'estimate') return all;
  if (facts.reads !== 'scale') return byKey(all, keys);
  return layout.scales.flatMap(({ start, height, width }) => byKey(all.slice(start, start + height * width), keys));
}

export const labelsOf = ({ condition }: OpenedBackbone, { seeds, labels }: Images): readonly number[] =>
  labels ?? seeds.map((seed) => seed % condition.classes!);

/** Numbers of all positions, by the image's seed alone: [B, L, C] row-major. */
export function tokensOf(opened: OpenedBackbone, images: Images): Float32Array {
  const { layout, channels } = opened;
  return Float32Array.from(
    images.seeds.flatMap((seed) => {
      const values = numbersOf('tokens', layout.length * channels, seed);
      for (const [place, position] of orderOf(opened, seed, images).entries()) {
        if (!images.moved?.(place)) continue;
        for (let c = 0; c < channels; c++) values[position * channels + c]! += 3;
      }
      return [...values];
    }),
  );
}

/** The same of estimates, which a canvas would give before each scale. */
export function estimatesOf({ layout, channels }: OpenedBackbone, { seeds, estimated }: Images): Float32Array {
  return Float32Array.from(
    seeds.flatMap((seed) =>
      Array.from(numbersOf('estimate', layout.length * channels, seed), (value, i) =>
        estimated?.(Math.floor(i / channels)) ? value + 3 : value,
      ),
    ),
  );
}

/** The tensors of a training batch. The caller disposes them. */
export function batchTensors(opened: OpenedBackbone, images: Images): Given {
  const { layout, channels } = opened;
  const [B, L] = [images.seeds.length, layout.length];
  const first = layout.scales[0]!.height * layout.scales[0]!.width;
  const orders = images.seeds.map((seed) => orderOf(opened, seed, images));
  const ranks = orders.map((order) => order.map((_, position) => order.indexOf(position)));
  const all = tensorFrom(estimatesOf(opened, images), [B, L, channels]) as Tensor3D;
  const estimates = tf.slice(all, [0, first, 0], [B, L - first, channels]);
  all.dispose();
  const whole = (rows: readonly (readonly number[])[]) => tensorFrom(Int32Array.from(rows.flat()), [B, L], 'int32');
  const isKnown = (rank: number): boolean => {
    const scale = layout.scales[scaleAt(layout, rank)]!;
    return rank - scale.start < knownOf(scale);
  };
  const marks = Float32Array.from(ranks.flat(), (rank) => (isKnown(rank) ? 1 : 0));
  return {
    marks: tensorFrom(marks, [B, L]),
    values: tensorFrom(tokensOf(opened, images), [B, L, channels]),
    estimates,
    order: whole(orders),
    rank: whole(ranks),
    known: tensorFrom(Int32Array.of(KNOWN), [], 'int32'),
    label: tensorFrom(Int32Array.from(labelsOf(opened, images)), [B], 'int32'),
  };
}

export function trainBatchFrom({ reads }: Pick<BackboneFacts, 'reads'>, given: Readonly<Given>): BoundBatch {
  return {
    values_BLC: given['values'] as Tensor3D,
    ...(readsScales(reads) && { estimates_BLC: given['estimates'] as Tensor3D }),
    ...(reads === 'scale' && { known_BL: given['marks'] as Tensor2D }),
    order_BL: given['order'] as Tensor2D,
    rank_BL: given['rank'] as Tensor2D,
    cut: reads === 'known' ? { known: given['known']!, least: KNOWN, most: KNOWN } : null,
    condition: { encoded: { label_R: given['label']! }, dropped_B: null },
  };
}

/** Hidden states by image and position. */
export interface States {
  /** [B, L, D]; NaN where there is none. */
  readonly values: Float32Array;
  /** The positions that `teach` returned, [B, l]; null: all, ascending. */
  readonly said: Int32Array | null;
}

/** The hidden states of a training batch. */
export async function trainHidden(opened: OpenedBackbone, images: Images): Promise<States> {
  const given = batchTensors(opened, images);
  const found = await opened.teach(given).finally(() => tf.dispose(given));
  try {
    const said = Int32Array.from(await found['positions_Bl']!.data());
    const L = opened.layout.length;
    const ascending = Int32Array.from({ length: images.seeds.length * L }, (_, i) => i % L);
    const positions = said[0] === -1 ? ascending : said;
    const data = (await found['values_BlD']!.data()) as Float32Array;
    const values = emptyStates(opened, images.seeds.length);
    place(opened, { values, data, positions });
    return { values, said: said[0] === -1 ? null : said };
  } finally {
    tf.dispose(found);
  }
}

export function emptyStates({ layout, facts: { width } }: OpenedBackbone, rows: number): Float32Array {
  return new Float32Array(rows * layout.length * width).fill(NaN);
}

interface Placed {
  /** [R, L, D], written. */
  readonly values: Float32Array;
  /** [R, l, D]. */
  readonly data: Float32Array;
  /** [R, l]. */
  readonly positions: Int32Array;
}

/** Puts hidden states at their positions. */
export function place({ layout, facts: { width } }: OpenedBackbone, { values, data, positions }: Placed): void {
  const l = (positions.length * layout.length * width) / values.length;
  for (const [i, position] of positions.entries()) {
    const at = (Math.floor(i / l) * layout.length + position) * width;
    values.set(data.subarray(i * width, (i + 1) * width), at);
  }
}

/** States of some positions of each image, one after the other. */
export function statesAt(
  { layout, facts: { width } }: OpenedBackbone,
  values: Float32Array,
  at: (row: number) => readonly number[],
): number[] {
  const rows = values.length / (layout.length * width);
  return Array.from({ length: rows }, (_, row) =>
    at(row).flatMap((position) => {
      const from = (row * layout.length + position) * width;
      return [...values.subarray(from, from + width)];
    }),
  ).flat();
}
