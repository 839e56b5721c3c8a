import * as tf from '@tensorflow/tfjs';
import type { Tensor2D } from '@tensorflow/tfjs';
import { type BackbonePlugin, noGuidance, type Scale } from '@tessera/core';
import { type PartTrial, type Trial } from '../options.ts';
import { stale, unused, type Weighed } from '../other-weights.ts';
import { falls, numbers, type TrainTask } from '../bench.ts';
import { caseOf, type Case, type Property } from '../case.ts';
import { apart, unequal } from '../compare.ts';
import {
  KNOWN,
  knownOf,
  trainBatchFrom,
  batchTensors,
  orderOf,
  statesAt,
  trainHidden,
  withBackbone,
  type Images,
  type OpenedBackbone,
} from './opened-backbone.ts';
import { misplacedElsewhere } from './other-sizes.ts';
import { unlikePart } from './part-batches.ts';
import { idle, roll } from './roll.ts';
import { otherWithoutNoise } from './training-noise.ts';

/** Checks of a backbone alone, with synthetic tokens and estimates and perturbed weights. */
export function backboneCases(plugin: BackbonePlugin, trial: Trial): Case[] {
  const two: Images = { seeds: [2 * trial.seed, 2 * trial.seed + 1] };
  return trial.targets.flatMap((target) => {
    const first = target === trial.targets[0];
    const on = (property: Property, check: (opened: OpenedBackbone) => Promise<string | null>): Case =>
      caseOf({ plugin, property, on: target, limit: trial.limit }, () =>
        withBackbone({ plugin, trial, target }, check),
      );
    return [
      on('shapes', async (opened) => {
        const { width, reads } = opened.backbone;
        const { facts } = opened;
        if (width !== facts.width || reads !== facts.reads)
          return `width ${width} and reads '${reads}', else described`;
        if (!(await roll(opened, two)).every(Number.isFinite)) return 'hidden states that are not finite';
        return (await misplaced(opened, two)) ?? misplaced(opened, { ...two, shuffled: true });
      }),
      on('determinism', async (opened) => {
        const once = await roll(opened, two);
        await roll(opened, { seeds: [9], guidance: idle });
        const again = unequal('hidden states', once, await roll(opened, two));
        if (again !== null) return again;
        const [beside] = await Promise.all([roll(opened, two), roll(opened, { seeds: [9, 8, 7], shuffled: true })]);
        const mixed = unequal('hidden states', once, beside);
        return mixed && `${mixed} while another generation is under way: keep what changes in the rollout`;
      }),
      on('batch', async (opened) => {
        const seeds = [1, 2, 3];
        const together = await roll(opened, { seeds, shuffled: true });
        for (const [row, seed] of seeds.entries()) {
          const alone = await roll(opened, { seeds: [seed], shuffled: true });
          const own = together.subarray(row * alone.length, (row + 1) * alone.length);
          const far = apart('hidden states of one image', own, alone);
          if (far !== null) return far;
        }
        return null;
      }),
      on('guidance', (opened) => misguided(opened, two)),
      on('causality', async (opened) => (await foresees(opened, two)) ?? (first ? unlikePart(opened, two) : null)),
      on('context', (opened) => deaf(opened, two)),
      on(
        'cache',
        async (opened) =>
          (await unlikeTrained(opened, two)) ?? (first ? otherWithoutNoise({ plugin, trial, target }, two) : null),
      ),
      on('loss', learns),
      // How weights are used is the same on every target.
      ...(first
        ? [
            caseOf({ plugin, property: 'weights', on: target, limit: trial.limit }, () =>
              misweighed({ plugin, trial, target }, two),
            ),
            ...sizeCases({ plugin, trial, target }, two),
          ]
        : []),
      on('leaks', async (opened) => {
        const all = async (): Promise<void> => {
          for (const guidance of [idle, noGuidance]) await roll(opened, { seeds: [1], guidance });
        };
        await all();
        const before = tf.memory().numTensors;
        await all();
        const left = tf.memory().numTensors - before;
        return left === 0 ? null : `${left} tensors after two rollouts`;
      }),
      on('dispose', async ({ backbone, bench }) => {
        backbone.dispose();
        backbone.dispose();
        const gone = bench.params.find(({ variable }) => variable.isDisposed);
        return gone ? `the weight ${gone.name} disposed by the backbone` : bench.left();
      }),
    ];
  });
}

/** Of a backbone that says `anySize`. */
function sizeCases(spec: PartTrial<BackbonePlugin>, images: Images): Case[] {
  const { plugin, trial, target } = spec;
  if (!plugin.describe(plugin.config.parse(trial.config, plugin.name)).anySize) return [];
  const check = async (opened: OpenedBackbone) => (await unlikeTrained(opened, images)) ?? deaf(opened, images);
  return [
    caseOf({ plugin, property: 'sizes', on: target, limit: trial.limit }, () =>
      misplacedElsewhere(spec, images, check),
    ),
  ];
}

/** What is wrong with how a backbone uses its weights, or null. */
async function misweighed(spec: PartTrial<BackbonePlugin>, images: Images): Promise<string | null> {
  const weighed: Omit<Weighed<OpenedBackbone>, 'numbers'> = {
    trial: spec.trial,
    open: (use) => withBackbone(spec, use),
    bench: ({ bench }) => bench,
  };
  const rolled = (opened: OpenedBackbone) => roll(opened, { ...images, guidance: idle });
  const taught = async (opened: OpenedBackbone) =>
    (await trainHidden(opened, { ...images, labels: images.seeds.map((_, row) => row - 1) })).values;
  return (await stale({ ...weighed, numbers: rolled })) ?? unused({ ...weighed, numbers: taught });
}

/** Training compares hidden states with the tokens at the positions that `teach` returns: the order of the batch from its cut on. */
async function misplaced(opened: OpenedBackbone, images: Images): Promise<string | null> {
  const { said } = await trainHidden(opened, images);
  const from = opened.facts.reads === 'known' ? KNOWN : 0;
  const due = images.seeds.flatMap((seed) => orderOf(opened, seed, images).slice(from));
  if (said === null || unequal('', due, said) === null) return null;
  return 'positions_Bl of teach() that are not the order of the batch from its cut on';
}

/** Guided rows: first those of the class, as without guidance, then those of the null class. */
async function misguided(opened: OpenedBackbone, images: Images): Promise<string | null> {
  const guided = await roll(opened, { ...images, guidance: idle });
  const [seeing, blind] = [guided.subarray(0, guided.length / 2), guided.subarray(guided.length / 2)];
  const none = images.seeds.map(() => -1);
  const own = await roll(opened, images);
  const far =
    apart('hidden states with and without the null class', own, seeing) ??
    apart('hidden states of guided rows and of label -1', await roll(opened, { ...images, labels: none }), blind);
  const { remembers, endsGuidance = !remembers } = opened.facts;
  if (far !== null || !endsGuidance) return far;
  const ended = await roll(opened, { ...images, guidance: idle, endsAt: 1 });
  return apart('hidden states after guidance has ended', own, ended.subarray(0, own.length));
}

/** Places of an order before which everything may be seen, and nothing from there on: with what is not yet hidden by it. */
function boundariesOf({ facts, layout }: OpenedBackbone): { readonly from: number; readonly until: number }[] {
  const L = layout.length;
  if (facts.reads === 'known') return [{ from: KNOWN, until: L }];
  if (facts.reads === 'last') return [0, Math.floor(L / 2), L - 1].map((from) => ({ from, until: from + 1 }));
  const seen = (scale: Scale): number => (facts.reads === 'scale' ? knownOf(scale) : 0);
  return layout.scales.map((scale) => ({
    from: scale.start + seen(scale),
    until: scale.start + scale.height * scale.width,
  }));
}

/** Hidden states that depend on tokens which are not yet written, or null. */
async function foresees(opened: OpenedBackbone, images: Images): Promise<string | null> {
  const own = await trainHidden(opened, { ...images, shuffled: true });
  for (const { from, until } of boundariesOf(opened)) {
    const changed = await trainHidden(opened, {
      ...{ ...images, shuffled: true },
      moved: (place) => place >= from,
      estimated: (position) => position >= until,
    });
    const before = ({ values }: typeof own) =>
      statesAt(opened, values, (row) => {
        const order = orderOf(opened, images.seeds[row]!, { ...images, shuffled: true });
        return order.slice(opened.facts.reads === 'known' ? from : 0, until);
      });
    const far = apart('hidden states under other tokens to come', before(own), before(changed));
    if (far !== null) return far;
  }
  return null;
}

/** What does not change hidden states although it must: the class, the tokens, which of them are known, the position. */
async function deaf(opened: OpenedBackbone, images: Images): Promise<string | null> {
  const { facts, condition, layout } = opened;
  const own = await roll(opened, { ...images, rest: true });
  const same = async (change: Partial<Parameters<typeof roll>[1]>): Promise<boolean> =>
    String(own) === String(await roll(opened, { ...images, rest: true, ...change }));
  const labelled = (label: number) => ({ labels: images.seeds.map(() => label) });
  const classes = condition.classes! > 1 ? [0, 1, -1] : [0, -1];
  const seen = await Promise.all(
    classes.map(async (label) => String(await roll(opened, { ...images, ...labelled(label) }))),
  );
  if (new Set(seen).size < classes.length) return `the same hidden states for the labels ${classes.join(', ')}`;
  if (await same({ moved: (place) => place < layout.length - 1, estimated: () => true }))
    return 'the same hidden states whatever is written';
  if (facts.reads !== 'known' && facts.reads !== 'scale') return null;
  if (await same({ unmarked: true })) return 'the same hidden states whether tokens are known or not';
  if (facts.reads === 'scale') return null;
  const places = statesAt(opened, own, (row) => (row === 0 ? [KNOWN, KNOWN + 1] : []));
  const [first, second] = [places.slice(0, facts.width), places.slice(facts.width)];
  return String(first) === String(second) ? 'the same hidden states at all places' : null;
}

/** What sampling computes step by step is what training computes at once, in any order and for any label. */
async function unlikeTrained(opened: OpenedBackbone, images: Images): Promise<string | null> {
  for (const shuffled of [false, true]) {
    for (const labels of [
      [0, -1],
      [-1, 0],
    ]) {
      const asked = { ...images, shuffled, labels };
      const stepwise = await roll(opened, { ...asked, rest: true });
      const { values } = await trainHidden(opened, asked);
      // Bidirectional ones have none of what is known.
      const there = Array.from(values, (value, i) => !Number.isNaN(value) && !Number.isNaN(stepwise[i]));
      const of = (states: Float32Array) => states.filter((_, i) => there[i]);
      const far = apart('hidden states of teach and rollout', of(values), of(stepwise));
      if (far !== null) return shuffled ? `${far}, in an order of an image's own` : far;
    }
  }
  return null;
}

/** A fixed view of the hidden states should tell the class. */
async function learns(opened: OpenedBackbone): Promise<string | null> {
  const { backbone, bench, facts, trial } = opened;
  const view_D1 = numbers('view', [facts.width, 1], trial.seed);
  const batch = batchTensors(opened, { seeds: [0, 1, 2, 3], shuffled: true });
  const task: TrainTask = {
    batch: { ...batch, view_D1 },
    loss: (given, rng) => {
      const { values_BlD } = backbone.teach(trainBatchFrom(facts, given), { rng, train: true });
      const [B, l, D] = values_BlD.shape;
      const seen = tf.reshape(tf.matMul(tf.reshape(values_BlD, [B * l, D]), given['view_D1'] as Tensor2D), [B, l]);
      const wanted = tf.reshape(tf.cast(given['label']!, 'float32'), [B, 1]);
      return tf.square(tf.sub(seen, wanted));
    },
  };
  try {
    return await falls(bench, task);
  } finally {
    for (const tensor of Object.values(task.batch)) tensor.dispose();
  }
}
