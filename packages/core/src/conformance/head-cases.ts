import { setTimeout as sleep } from 'node:timers/promises';
import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { keyedRng, tensorFrom, type TargetName } from '@tessera/engine';
import { buildGuarded } from '../build-parts.ts';
import type { Head } from '../contracts.ts';
import { guardHead } from '../guard/guard-head.ts';
import type { HeadPlugin } from '../plugin.ts';
import type { Space } from '../tokens.ts';
import { apart, numbers, numbersOf, spaceOf, withBench, type Bench } from './bench.ts';
import { caseOf, type Case, type Property } from './case.ts';
import { falls, type Lessons } from './learn.ts';
import { someCodes, someNumbers, type Trial } from './options.ts';

const WIDTH = 16;
const TOKENS = 4;

interface Opened {
  readonly head: Head;
  readonly space: Space;
  readonly bench: Bench;
  readonly options: unknown;
}

/** A head alone: hidden states are made up. */
export function headCases(plugin: HeadPlugin, trial: Trial): Case[] {
  const shape = trial.space ?? (plugin.space === 'discrete' ? someCodes : someNumbers);
  const on = (target: TargetName, property: Property, check: (opened: Opened) => Promise<string | null>): Case =>
    caseOf({ plugin, property, on: target }, () =>
      withBench(target, async (bench) => {
        const space = spaceOf(shape);
        const config = plugin.config.parse(trial.config, plugin.name);
        const options = plugin.options(shape).parse(trial.options, plugin.name);
        const { confident = false } = plugin;
        const head = buildGuarded(
          plugin,
          () => plugin.build(config, { width: WIDTH, space }, bench),
          (built, name) => guardHead(built, { name, space, confident, watch: false }),
        );
        try {
          return await check({ head, space, bench, options });
        } finally {
          head.dispose();
          if (space.kind === 'discrete') space.codebook_VC.dispose();
        }
      }),
    );
  return trial.targets.flatMap((target) => [
    on(target, 'shapes', async (opened) => {
      const { values } = await draw(opened, { seeds: [1, 2] });
      return values.every(Number.isFinite) ? null : 'tokens that are not finite';
    }),
    on(target, 'determinism', async (opened) => {
      const [once, again] = [await draw(opened, { seeds: [5, 6] }), await draw(opened, { seeds: [5, 6] })];
      return apart('tokens of one seed', once.values, again.values);
    }),
    on(target, 'batch', async (opened) => {
      const together = await draw(opened, { seeds: [3, 4, 5] });
      const alone = await draw(opened, { seeds: [4] });
      const size = alone.values.length;
      return apart('tokens of one image', together.values.subarray(size, 2 * size), alone.values);
    }),
    on(target, 'guidance', async (opened) => {
      const [plain, guided] = [
        await draw(opened, { seeds: [7, 8] }),
        await draw(opened, { seeds: [7, 8], guided: true }),
      ];
      return apart('tokens with and without the null class', plain.values, guided.values) ?? heeds(opened);
    }),
    on(target, 'loss', ({ head, space, bench }) => learns(head, { space, bench, trial })),
    on(target, 'leaks', async (opened) => {
      for (const guided of [false, true]) await draw(opened, { seeds: [1], guided });
      const before = tf.memory().numTensors;
      for (const guided of [false, true, false]) await draw(opened, { seeds: [1], guided });
      const left = tf.memory().numTensors - before;
      return left === 0 ? null : `${left} tensors after three calls of sample()`;
    }),
    on(target, 'abort', (opened) => ends(opened, trial.patience)),
    on(target, 'dispose', async ({ head, bench }) => {
      head.dispose();
      head.dispose();
      const gone = bench.params.find(({ variable }) => variable.isDisposed);
      return gone ? `the weight ${gone.name} disposed by the head` : null;
    }),
  ]);
}

interface Draw {
  readonly seeds: readonly number[];
  /** The null class' rows too. */
  readonly guided?: boolean;
  /** Guidance; 1 unless said. */
  readonly weight?: number;
  readonly signal?: AbortSignal;
}

/** One step's tokens. Hidden states depend on the row's seed alone. */
async function draw(
  { head, options }: Opened,
  { seeds, guided = false, weight = 1, signal }: Draw,
): Promise<{ values: Float32Array }> {
  const B = seeds.length;
  const of = (stream: string): number[] => seeds.flatMap((seed) => [...numbersOf(stream, TOKENS * WIDTH, seed)]);
  const hidden = Float32Array.from([...of('hidden'), ...(guided ? of('null') : [])]);
  const values_RlD = tensorFrom(hidden, [guided ? 2 * B : B, TOKENS, WIDTH]) as Tensor3D;
  const positions_Bl = Int32Array.from({ length: B * TOKENS }, (_, i) => 2 * (i % TOKENS));
  const step = { index: 1, of: 3, before: 9, after: 9 - TOKENS, positions_Bl };
  const rows = seeds.map((seed) => ({ seed, label: 0 }));
  const rest = { rng: keyedRng(seeds), options, signal: signal ?? new AbortController().signal };
  try {
    const { tokens } = await head.sample({ values_RlD, positions_Bl, guided }, { step, rows, weight, ...rest });
    const values = Float32Array.from(await tokens.values_BlC.data());
    tokens.values_BlC.dispose();
    tokens.index_Bl?.dispose();
    return { values };
  } finally {
    values_RlD.dispose();
  }
}

/** Guidance pulls: another weight gives other tokens. Fresh weights may answer 0 to everything, so they are shaken first. */
async function heeds(opened: Opened): Promise<string | null> {
  for (const { name, variable } of opened.bench.params) {
    const shaken = tf.tidy(() => tf.add(variable, tf.mul(numbers(`shaken.${name}`, variable.shape), 0.3)));
    variable.assign(shaken);
    shaken.dispose();
  }
  const seeds = [1, 2, 3, 4];
  const [mild, strong] = [
    await draw(opened, { seeds, guided: true, weight: 1 }),
    await draw(opened, { seeds, guided: true, weight: 6 }),
  ];
  const differ = mild.values.some((value, i) => value !== strong.values[i]);
  return differ ? null : 'the same tokens at the weights 1 and 6: nothing pulls';
}

interface Learning {
  readonly space: Space;
  readonly bench: Bench;
  readonly trial: Trial;
}

/** Tokens that hidden states tell: the sign of a number for codes, a share of some numbers for values. */
async function learns(head: Head, { space, bench, trial }: Learning): Promise<string | null> {
  const [B, C] = [4, space.channels];
  const hidden_BlD = numbers('taught', [B, TOKENS, WIDTH]) as Tensor3D;
  const first = numbersOf('taught', B * TOKENS * WIDTH).filter((_, i) => i % WIDTH === 0);
  const index_Bl = tensorFrom(
    Int32Array.from(first, (value) => (value > 0 ? 1 : 0)),
    [B, TOKENS],
    'int32',
  ) as Tensor2D;
  const values_BlC = tf.tidy(() =>
    space.kind === 'discrete'
      ? (tf.gather(space.codebook_VC, index_Bl) as unknown as Tensor3D)
      : (tf.mul(tf.slice(hidden_BlD, [0, 0, 0], [B, TOKENS, C]), 0.5) as Tensor3D),
  );
  const lessons: Lessons = {
    batch: { hidden_BlD, index_Bl, values_BlC },
    loss: (batch, rng) => {
      const tokens = {
        values_BlC: batch['values_BlC'] as Tensor3D,
        ...(space.kind === 'discrete' && { index_Bl: batch['index_Bl'] as Tensor2D }),
      };
      const taught = { values_BlD: batch['hidden_BlD'] as Tensor3D, positions_Bl: null };
      return tf.mean(head.loss(taught, tokens, { rng, train: true }));
    },
  };
  try {
    return await falls(bench, lessons, trial);
  } finally {
    for (const tensor of Object.values(lessons.batch)) tensor.dispose();
  }
}

/** A head looks at the signal before its work; after an abort amid it, it may answer or throw, but must not go on. */
async function ends(opened: Opened, patience: number): Promise<string | null> {
  const aborted = 'tokens for a signal that had aborted before: signal.throwIfAborted() is missing';
  const early = await within(patience, drawUntil(opened, AbortSignal.abort(), aborted));
  if (early !== null) return early;
  const stop = new AbortController();
  const drawn = drawUntil(opened, stop.signal, null);
  stop.abort();
  return within(patience, drawn);
}

/** `answered` where it answers, null where it ends with the signal. */
async function drawUntil(opened: Opened, signal: AbortSignal, answered: string | null): Promise<string | null> {
  try {
    await draw(opened, { seeds: [1, 2], signal });
    return answered;
  } catch (error) {
    if (error === signal.reason) return null;
    throw error;
  }
}

async function within(patience: number, drawn: Promise<string | null>): Promise<string | null> {
  const late = new AbortController();
  const waited = sleep(patience, `nothing for ${patience} ms after the abort`, { signal: late.signal }).catch(
    () => null,
  );
  return Promise.race([drawn, waited]).finally(() => late.abort());
}
