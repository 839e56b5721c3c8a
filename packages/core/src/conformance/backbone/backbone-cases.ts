import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { tensorFrom, type TargetName } from '@tessera/engine';
import { buildGuarded } from '../../build-parts.ts';
import type { Backbone, Context, Guidance, Lesson, Taught } from '../../contracts.ts';
import { guardBackbone } from '../../guard/guard-backbone.ts';
import { noGuidance } from '../../guidance.ts';
import type { BackboneFacts, BackbonePlugin } from '../../plugin.ts';
import type { Step } from '../../step.ts';
import type { Layout } from '../../tokens.ts';
import { numbers, numbersOf, plainRng, shake, take, withBench, type Bench } from '../bench.ts';
import { apart } from '../compare.ts';
import { caseOf, type Case, type Property } from '../case.ts';
import { falls, type Lessons } from '../learn.ts';
import { oneMap, someNumbers, twoMaps, type Trial } from '../options.ts';

interface Opened {
  readonly backbone: Backbone;
  readonly facts: BackboneFacts;
  readonly layout: Layout;
  readonly channels: number;
  readonly bench: Bench;
}

/** Guidance that computes the null class and mixes nothing of it in. */
const idle: Guidance = { active: true, saves: false, weight: () => 1 };

/** A backbone alone: tokens and estimates are made up. */
export function backboneCases(plugin: BackbonePlugin, trial: Trial): Case[] {
  const space = trial.space ?? someNumbers;
  const on = (target: TargetName, property: Property, check: (opened: Opened) => Promise<string | null>): Case =>
    caseOf({ plugin, property, on: target, limit: trial.limit }, () =>
      withBench({ target, seed: trial.seed }, async (bench) => {
        const config = plugin.config.parse(trial.config, plugin.name);
        const facts = plugin.describe(config);
        const layout = trial.layout ?? (facts.reads === 'estimate' ? twoMaps : oneMap);
        const guarded = (name: string) => ({ name, watch: false, remembers: facts.remembers });
        const build = () => plugin.build(config, { layout, space }, bench);
        const backbone = buildGuarded(plugin, build, (built, name) => guardBackbone(built, guarded(name)));
        shake(bench, trial.seed);
        try {
          return await check({ backbone, facts, layout, channels: space.channels, bench });
        } finally {
          backbone.dispose();
        }
      }),
    );
  return trial.targets.flatMap((target) => [
    on(target, 'shapes', async (opened) => {
      const { width, reads } = opened.backbone;
      const { facts } = opened;
      if (width !== facts.width || reads !== facts.reads) return `width ${width} and reads '${reads}', else described`;
      const hidden = await roll(opened, { seeds: [1, 2] });
      if (!hidden.every((one) => one.every(Number.isFinite))) return 'hidden states that are not finite';
      return misplaced(opened);
    }),
    on(target, 'determinism', async (opened) => {
      const [once, again] = [await roll(opened, { seeds: [1, 2] }), await roll(opened, { seeds: [1, 2] })];
      return apart('hidden states', flat(once), flat(again));
    }),
    on(target, 'batch', async (opened) => {
      const together = await roll(opened, { seeds: [1, 2, 3] });
      const alone = await roll(opened, { seeds: [2] });
      const second = together.map((one) => one.subarray(one.length / 3, (2 * one.length) / 3));
      return apart('hidden states of one image', flat(second), flat(alone));
    }),
    on(target, 'guidance', async (opened) => {
      const [plain, guided] = [
        await roll(opened, { seeds: [1, 2] }),
        await roll(opened, { seeds: [1, 2], guidance: idle }),
      ];
      const seeing = guided.map((one) => one.subarray(0, one.length / 2));
      return apart('hidden states with and without the null class', flat(plain), flat(seeing));
    }),
    on(target, 'causality', async (opened) => {
      const [own, other] = [
        await taught(opened, { seeds: [1, 2] }),
        await taught(opened, { seeds: [1, 2], altered: true }),
      ];
      return apart('hidden states under other tokens to come', own, other);
    }),
    on(target, 'cache', async (opened) => {
      const stepwise = await roll(opened, { seeds: [1, 2], rest: true });
      return apart(
        'hidden states of teach and rollout',
        await taught(opened, { seeds: [1, 2] }),
        rowMajor(stepwise, 2),
      );
    }),
    on(target, 'loss', (opened) => learns(opened, trial)),
    on(target, 'leaks', async (opened) => {
      for (const guidance of [idle, noGuidance]) await roll(opened, { seeds: [1], guidance });
      const before = tf.memory().numTensors;
      for (const guidance of [idle, noGuidance]) await roll(opened, { seeds: [1], guidance });
      const left = tf.memory().numTensors - before;
      return left === 0 ? null : `${left} tensors after two rollouts`;
    }),
    on(target, 'dispose', async ({ backbone, bench }) => {
      backbone.dispose();
      backbone.dispose();
      const gone = bench.params.find(({ variable }) => variable.isDisposed);
      return gone ? `the weight ${gone.name} disposed by the backbone` : null;
    }),
  ]);
}

const flat = (parts: readonly Float32Array[]): number[] => parts.flatMap((part) => [...part]);

/** Step after step to row after row. */
function rowMajor(steps: readonly Float32Array[], batch: number): number[] {
  const rows = Array.from({ length: batch }, (_, row) =>
    steps.map((one) => one.subarray((row * one.length) / batch, ((row + 1) * one.length) / batch)),
  );
  return rows.flatMap(flat);
}

interface Made {
  readonly seeds: readonly number[];
  readonly guidance?: Guidance;
  /** Of bidirectional backbones: one step, all tokens that follow the first `KNOWN`. */
  readonly rest?: boolean;
  /** Other tokens where none of the hidden states may look. */
  readonly altered?: boolean;
  /** Of lessons: positions come last to first. */
  readonly backwards?: boolean;
}

/** Tokens known at the cut of bidirectional lessons. */
const KNOWN = 3;

/** Values of all positions, by the image's seed alone: [B, L, C] row-major. */
function tokensOf({ layout, channels }: Opened, stream: string, seeds: readonly number[]): Float32Array {
  return Float32Array.from(seeds.flatMap((seed) => [...numbersOf(stream, layout.length * channels, seed)]));
}

const labelsOf = ({ facts }: Opened, seeds: readonly number[]): number[] => seeds.map((seed) => seed % facts.classes);

/** Hidden states of every step. */
async function roll(opened: Opened, { seeds, guidance = noGuidance, rest = false }: Made): Promise<Float32Array[]> {
  const labels = labelsOf(opened, seeds);
  const rollout = await opened.backbone.openRollout(
    seeds.map((seed, row) => ({ seed, label: labels[row]! })),
    guidance,
  );
  const hidden: Float32Array[] = [];
  try {
    for (const { start, step } of stepsOf(opened, { batch: seeds.length, rest })) {
      const context = contextOf(opened, { seeds, start, step });
      const { values_RlD } = await rollout.forward(context, step, guidance.active);
      for (const held of Object.values(context))
        if (held !== null && typeof held === 'object') (held as Tensor).dispose();
      hidden.push(await take(values_RlD));
    }
  } finally {
    rollout.dispose();
  }
  return hidden;
}

interface Place {
  /** Tokens before this step. */
  readonly start: number;
  readonly step: Step;
}

function stepsOf({ facts, layout }: Opened, { batch, rest }: { batch: number; rest: boolean }): Place[] {
  const L = layout.length;
  const starts =
    facts.reads === 'estimate'
      ? layout.scales.map(({ start }) => start)
      : facts.reads === 'last'
        ? Array.from({ length: L }, (_, at) => at)
        : rest && KNOWN < L
          ? [KNOWN]
          : [0, KNOWN];
  return starts.map((start, index) => {
    const l = (starts[index + 1] ?? L) - start;
    const positions_Bl = Int32Array.from({ length: batch * l }, (_, i) => start + (i % l));
    return { start, step: { index, of: starts.length, before: L - start, after: L - start - l, positions_Bl } };
  });
}

/** What a canvas would give: everything before `start` is written, in the order in which it lies. */
function contextOf(opened: Opened, { seeds, start, step }: Place & { seeds: readonly number[] }): Context {
  const { facts, layout, channels } = opened;
  const [B, L, l] = [seeds.length, layout.length, step.positions_Bl.length / seeds.length];
  const cut = (stream: string, from: number, count: number): Tensor3D => {
    const all = tokensOf(opened, stream, seeds);
    const parts = seeds.map((_, row) => all.subarray((row * L + from) * channels, (row * L + from + count) * channels));
    return tensorFrom(Float32Array.from(flat(parts)), [B, count, channels]) as Tensor3D;
  };
  if (facts.reads === 'estimate')
    return { reads: 'estimate', values_BlC: start === 0 ? null : cut('estimate', start, l) };
  if (facts.reads === 'last') return { reads: 'last', values_BlC: start === 0 ? null : cut('tokens', start - 1, 1) };
  const known = Float32Array.from({ length: B * L }, (_, i) => (i % L < start ? 1 : 0));
  const values = tokensOf(opened, 'tokens', seeds).map((value, i) => value * known[Math.floor(i / channels)]!);
  return {
    reads: 'known',
    values_BLC: tensorFrom(values, [B, L, channels]) as Tensor3D,
    known_BL: tensorFrom(known, [B, L]) as Tensor2D,
  };
}

/** The tensors of a lesson, row-major as they lie. */
function lessonOf(opened: Opened, { seeds, altered = false, backwards = false }: Made): Record<string, Tensor> {
  const { facts, layout, channels } = opened;
  const [B, L] = [seeds.length, layout.length];
  const first = layout.scales[0]!.height * layout.scales[0]!.width;
  const values = tokensOf(opened, 'tokens', seeds);
  // What no hidden state may see: all that follows the cut, or the last step's own tokens.
  const unseen = facts.reads === 'known' ? KNOWN : facts.reads === 'last' ? L - 1 : layout.scales.at(-1)!.start;
  if (altered) values.forEach((_, i) => Math.floor(i / channels) % L >= unseen && (values[i]! += 3));
  const all = tensorFrom(tokensOf(opened, 'estimate', seeds), [B, L, channels]) as Tensor3D;
  const estimates = tf.slice(all, [0, first, 0], [B, L - first, channels]);
  all.dispose();
  const order = Int32Array.from({ length: B * L }, (_, i) => (backwards ? L - 1 - (i % L) : i % L));
  return {
    values: tensorFrom(values, [B, L, channels]),
    estimates,
    order: tensorFrom(order, [B, L], 'int32'),
    known: tensorFrom(Int32Array.of(KNOWN), [], 'int32'),
    label: tensorFrom(Int32Array.from(labelsOf(opened, seeds)), [B], 'int32'),
  };
}

function lessonFrom({ facts }: Opened, given: Readonly<Record<string, Tensor>>): Lesson {
  const order = given['order'] as Tensor2D;
  return {
    values_BLC: given['values'] as Tensor3D,
    ...(facts.reads === 'estimate' && { estimates_BLC: given['estimates'] as Tensor3D }),
    order_BL: order,
    rank_BL: order,
    cut: facts.reads === 'known' ? { known: given['known']!, least: KNOWN, most: KNOWN } : null,
    label_B: given['label'] as Tensor1D,
  };
}

type Seen = (taught: Taught, lesson: Lesson) => Tensor;

/** Numbers of what a backbone makes of a lesson, as the target computes them. */
async function numbersTaught(opened: Opened, made: Made, of: Seen): Promise<Float32Array> {
  const given = lessonOf(opened, made);
  const run = (tensors: Record<string, Tensor>) => {
    const lesson = lessonFrom(opened, tensors);
    return of(opened.backbone.teach(lesson, { rng: plainRng(1), train: false }), lesson);
  };
  const program = opened.bench.engine.compile(run, { name: 'conformance.teach' });
  try {
    return await take(await program(given));
  } finally {
    program.dispose();
    for (const tensor of Object.values(given)) tensor.dispose();
  }
}

/** Hidden states of a lesson, [B, l, D] row-major. */
const taught = (opened: Opened, made: Made) => numbersTaught(opened, made, ({ values_BlD }) => values_BlD);

/** Training compares hidden states with the tokens at the positions that `teach` says; null: all, ascending. */
async function misplaced(opened: Opened): Promise<string | null> {
  const made = { seeds: [1, 2], backwards: opened.facts.reads !== 'estimate' };
  const off = await numbersTaught(opened, made, ({ positions_Bl }, { order_BL, cut }) =>
    positions_Bl
      ? tf.sub(positions_Bl, tf.slice(order_BL, [0, cut?.least ?? 0], positions_Bl.shape))
      : tf.zerosLike(order_BL),
  );
  return off.some((one) => one !== 0)
    ? "positions_Bl of teach() that are not the lesson's order from its cut on"
    : null;
}

/** A fixed view of the hidden states should tell the class. */
async function learns(opened: Opened, trial: Trial): Promise<string | null> {
  const { backbone, bench, facts } = opened;
  const view_D1 = numbers('view', [facts.width, 1]);
  const batch = lessonOf(opened, { seeds: [0, 1, 2, 3] });
  const lessons: Lessons = {
    batch: { ...batch, view_D1 },
    loss: (given, rng) => {
      const { values_BlD } = backbone.teach(lessonFrom(opened, given), { rng, train: true });
      const [B, l, D] = values_BlD.shape;
      const seen = tf.reshape(tf.matMul(tf.reshape(values_BlD, [B * l, D]), given['view_D1'] as Tensor2D), [B, l]);
      const wanted = tf.reshape(tf.cast(given['label']!, 'float32'), [B, 1]);
      return tf.mean(tf.square(tf.sub(seen, wanted)));
    },
  };
  try {
    return await falls(bench, lessons);
  } finally {
    for (const tensor of Object.values(lessons.batch)) tensor.dispose();
  }
}
