import * as tf from '@tensorflow/tfjs';
import type { HeadPlugin } from '@tessera/core';
import { tensorFrom } from '@tessera/engine';
import { asksLosses, falls, numbersOf, shake } from '../bench.ts';
import { caseOf, type Case, type Property } from '../case.ts';
import { apart, largest } from '../compare.ts';
import { misdescribed } from './described.ts';
import { misweighed } from './head-weights.ts';
import { unsure } from './confidence.ts';
import { mispulled, sharesNoise, unlike } from './likeness.ts';
import { loose, misheated, unheated } from './named-options.ts';
import {
  draw,
  drawKinds,
  HeadTraining,
  seenOf,
  shapeOf,
  targetOf,
  hiddenFrom,
  WIDTH,
  withHead,
  type Draw,
  type OpenedHead,
  type TrainedHead,
} from './trained-head.ts';
import { strayFactor } from '../../guard/stray-factor.ts';
import { drawsCodes } from './book.ts';
import { mixesOtherwise } from './mixture.ts';
import { goesOn, unsteady } from './under-way.ts';
import { toyBatch, toyOf } from './toy.ts';
import type { Trial } from '../options.ts';
import { idleOption } from '../tried-values.ts';

/** Tokens of an image. */
const TOKENS = 4;

/** Checks of a head alone, on synthetic hidden states. */
export function headCases(plugin: HeadPlugin, trial: Trial): Case[] {
  const training = new HeadTraining({ plugin, trial });
  const { limit } = trial;
  return trial.targets.flatMap((target) => {
    const fresh = (property: Property, check: (opened: OpenedHead) => Promise<string | null>): Case =>
      caseOf({ plugin, property, on: target, limit }, () => withHead({ plugin, trial, target }, check));
    const shaken = (property: Property, check: (opened: OpenedHead) => Promise<string | null>): Case =>
      fresh(property, (opened) => {
        shake(opened.bench, trial.seed);
        return check(opened);
      });
    const trained = (property: Property, check: (trained: TrainedHead) => Promise<string | null>): Case =>
      caseOf({ plugin, property, on: target, limit }, () => training.on(target, check));
    // Samples are judged on one target: on the others they must be the same.
    const judged = [
      trained('learning', unlike),
      trained('pull', mispulled),
      trained('chance', sharesNoise),
      ...(offers(plugin, trial, 'temperature')
        ? [trained('temperature', async (own) => (await unheated(own)) ?? misheated(own))]
        : []),
      ...(plugin.confident ? [trained('confidence', unsure)] : []),
      ...(drawsCodes(plugin) ? [trained('codes', strayCode)] : []),
      trained('described', misdescribed),
      trained('options', async (own) => (await idle(own)) ?? (drawsCodes(plugin) ? loose(own) : null)),
    ];
    return [
      fresh('shapes', async (opened) => {
        const { values } = await draw(opened, made(opened, [1, 2]));
        return values.every(Number.isFinite) ? null : 'tokens that are not finite';
      }),
      shaken('determinism', (opened) => unsteady(opened, made)),
      shaken('batch', unlikeAlone),
      shaken('guidance', unguided),
      ...(plugin.mixes ? [shaken('mixture', (opened) => mixesOtherwise(opened, made(opened, [1, 2, 3], true)))] : []),
      fresh('loss', learns),
      shaken('targets', spilledLoss),
      ...(target === training.target ? judged : [trained('learning', (own) => elsewhere(own, training))]),
      // How weights are used is the same on every target.
      ...(target === trial.targets[0]
        ? [
            caseOf({ plugin, property: 'weights', on: target, limit }, () =>
              misweighed({ plugin, trial, target }, (opened) => ({ ...made(opened, [1, 2], true), weight: 2 })),
            ),
          ]
        : []),
      fresh('leaks', leftBehind),
      fresh('abort', (opened) => goesOn(opened, made)),
      fresh('dispose', async ({ head, bench }) => {
        head.dispose();
        head.dispose();
        const gone = bench.params.find(({ variable }) => variable.isDisposed);
        return gone ? `the weight ${gone.name} disposed by the head` : bench.left();
      }),
    ];
  });
}

/** Whether it has an option of this name. Other errors of its options are found by the cases. */
function offers(plugin: HeadPlugin, trial: Trial, option: string): boolean {
  try {
    return option in (plugin.options(shapeOf(plugin, trial)).json.properties ?? {});
  } catch {
    return false;
  }
}

/** Hidden states that depend on the row's seed alone. */
function made({ trial }: OpenedHead, seeds: readonly number[], guided = false): Draw {
  const of = (stream: string) => (seed: number) => numbersOf(stream, TOKENS * WIDTH, 1000 * trial.seed + seed);
  return { seeds, hidden: of('hidden'), ...(guided && { blind: of('null') }) };
}

/** Each row is compared alone, and one seed comes twice: a row may only depend on itself. */
async function unlikeAlone(opened: OpenedHead): Promise<string | null> {
  const seeds = [3, 4, 5, 4];
  for (const guided of [false, true]) {
    const weight = guided ? 2 : 1;
    const together = await draw(opened, { ...made(opened, seeds, guided), weight });
    for (const [row, seed] of seeds.entries()) {
      const alone = await draw(opened, { ...made(opened, [seed], guided), weight });
      const size = alone.values.length;
      const own = together.values.subarray(row * size, (row + 1) * size);
      const far = apart('tokens of one image', own, alone.values);
      if (far !== null) return far;
    }
  }
  return null;
}

async function unguided(opened: OpenedHead): Promise<string | null> {
  const plain = await draw(opened, made(opened, [7, 8]));
  const guided = await draw(opened, made(opened, [7, 8], true));
  const far = apart('tokens with and without the null class', plain.values, guided.values);
  if (far !== null) return far;
  const of = (weight: number) => draw(opened, { ...made(opened, [1, 2, 3, 4], true), weight });
  const [mild, strong] = [await of(1), await of(6)];
  const differ = mild.values.some((value, i) => value !== strong.values[i]);
  return differ ? null : 'the same tokens at the weights 1 and 6: nothing pulls';
}

/** A few tokens are enough: not every target is quick. */
async function learns({ head, space, bench, plugin, trial }: OpenedHead): Promise<string | null> {
  const toy = toyOf({ space, width: WIDTH, codes: drawsCodes(plugin), seed: trial.seed });
  const whole = toyBatch(toy, trial.seed);
  const batch = Object.fromEntries(Object.entries(whole).map(([name, all]) => [name, tf.slice(all, 0, 1)]));
  try {
    return await falls(bench, {
      batch,
      loss: (given, rng) => head.loss(hiddenFrom(given), targetOf(given, space), { rng, train: true }),
    });
  } finally {
    for (const tensor of [...Object.values(whole), ...Object.values(batch)]) tensor.dispose();
  }
}

/** Tokens of some seeds here and on the target of the teaching. */
async function elsewhere(trained: TrainedHead, training: HeadTraining): Promise<string | null> {
  const asked = { seeds: [1, 2, 3, 4].map((row) => 1000 * trained.trial.seed + row), guided: true, weight: 1.5 };
  const here = await drawKinds(trained, asked);
  const there = await training.on(training.target, (own) => drawKinds(own, asked));
  return apart(`tokens of the same weights here and on ${training.target}`, here.values, there.values);
}

/** Values that are no entry of the codebook under their index, or of their factor's. Smoothed tokens have no index. */
async function strayCode(trained: TrainedHead): Promise<string | null> {
  const { space } = trained;
  const { values, index } = await drawKinds(trained);
  if (space.kind === 'factors') return strayFactor(values, space);
  if (space.kind !== 'discrete' || !index) return null;
  const codebook = await space.codebook_VC.data();
  const C = space.channels;
  const due = values.map((_, i) => codebook[index[Math.floor(i / C)]! * C + (i % C)]!);
  return apart('values and the codebook at their indices', values, due);
}

/** Steps and weights under which an option may show: the first and the last, guided and not. */
const OCCASIONS = [
  { step: 0, guided: true, weight: 2 },
  { step: 2, guided: false, weight: 1 },
] as const;

async function idle(trained: TrainedHead): Promise<string | null> {
  const { plugin, space, bench } = trained;
  const weights = new Set(bench.params.map(({ name }) => name));
  const neutral = Object.fromEntries(Object.entries(trained.trial.neutral).filter(([name]) => !weights.has(name)));
  const trial = { ...trained.trial, neutral };
  const seeds = Array.from({ length: 8 }, (_, row) => row);
  return idleOption({ schema: plugin.options(space), trial, who: plugin.name }, async ({ options }) => {
    const seen: number[] = [];
    for (const occasion of OCCASIONS) seen.push(...seenOf(await drawKinds(trained, { ...occasion, seeds, options })));
    return seen;
  });
}

async function leftBehind(opened: OpenedHead): Promise<string | null> {
  for (const guided of [false, true]) await draw(opened, made(opened, [1], guided));
  const before = tf.memory().numTensors;
  for (const guided of [false, true, false]) await draw(opened, made(opened, [1], guided));
  const left = tf.memory().numTensors - before;
  return left === 0 ? null : `${left} tensors after three calls of sample()`;
}

const [B, L] = [2, 4];
/** The token that is changed, of B times L. */
const CHANGED = 6;
/** A token's own loss moves by more than this share of it, the others' by less than rounding. */
const OWN = 1e-5;
const OTHERS = 1e-6;

/** Whose loss a change of one token moves besides its own, or null. */
async function spilledLoss(opened: OpenedHead): Promise<string | null> {
  const losses = lossesOf(opened);
  const usual = await losses(null);
  for (const [change, what] of [
    ['target', 'the target of one token'],
    ['hidden', 'the hidden state of one token'],
  ] as const) {
    const moved = (await losses(change)).map((loss, i) => Math.abs(loss - usual[i]!));
    const size = Math.max(1, largest(usual));
    const spilled = moved.findIndex((by, token) => token !== CHANGED && !(by <= OTHERS * size));
    if (spilled >= 0) return `the loss of another token moved by ${moved[spilled]!.toPrecision(2)} by ${what}`;
    if (!(moved[CHANGED]! > OWN * size)) return `a loss that ${what} does not move`;
  }
  return null;
}

type Change = 'target' | 'hidden' | null;

function lossesOf({ head, space, bench, plugin, trial }: OpenedHead): (change: Change) => Promise<Float32Array> {
  const ask = asksLosses(bench, (given, rng) =>
    head.loss(hiddenFrom(given), targetOf(given, space), { rng, train: true }),
  );
  const C = space.channels;
  return async (change) => {
    const hidden = numbersOf('targets.hidden', B * L * WIDTH, trial.seed);
    const values = numbersOf('targets.values', B * L * C, trial.seed);
    const index = Int32Array.from({ length: B * L }, (_, i) => i % 2);
    if (change === 'hidden') hidden.subarray(CHANGED * WIDTH, (CHANGED + 1) * WIDTH).fill(1);
    if (change === 'target') {
      for (let c = 0; c < C; c++) values[CHANGED * C + c]! += 1.5;
      index[CHANGED] = 1;
    }
    const batch = {
      hidden_BlD: tensorFrom(hidden, [B, L, WIDTH]),
      ...(drawsCodes(plugin)
        ? { index_Bl: tensorFrom(index, [B, L], 'int32') }
        : { values_BlC: tensorFrom(values, [B, L, C]) }),
    };
    try {
      return await ask(batch);
    } finally {
      for (const tensor of Object.values(batch)) tensor.dispose();
    }
  };
}
