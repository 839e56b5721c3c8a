import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { tensorFrom } from '@tessera/engine';
import { scaleAt, type Context, type TokenizerPlugin } from '@tessera/core';
import type { PartTrial, Trial } from '../options.ts';
import { stale } from '../other-weights.ts';
import { plainRng, take } from '../bench.ts';
import { strayFactor } from '../../guard/stray-factor.ts';
import { caseOf, type Case, type Property } from '../case.ts';
import { apart, sharedByPlaces, sharedByRows, unequal } from '../compare.ts';
import { confused, otherwise } from './come-back.ts';
import { misshapenElsewhere } from './other-sizes.ts';
import { mislaidMask, misread, overwritten, turned } from './places.ts';
import {
  encode,
  paint,
  pictureOf,
  rowsOf,
  tokensOf,
  withTokenizer,
  type Encoded,
  type OpenedTokenizer,
} from './opened-tokenizer.ts';

/** Checks of a tokenizer alone, on synthetic pictures, with perturbed weights. */
export function tokenizerCases(plugin: TokenizerPlugin, trial: Trial): Case[] {
  const main = trial.targets.find((one) => one !== 'eager') ?? trial.targets[0]!;
  return trial.targets.flatMap((target) => {
    const first = target === trial.targets[0];
    const on = (property: Property, check: (opened: OpenedTokenizer) => Promise<string | null>): Case =>
      caseOf({ plugin, property, on: target, limit: trial.limit }, () =>
        withTokenizer({ plugin, trial, target }, check),
      );
    return [
      on('shapes', misshapen),
      on('determinism', unsteady),
      on('batch', unlikeAlone),
      on('codes', strayCode),
      on('causality', async (opened) => (await foreseen(opened)) ?? (await unlikeTrained(opened))),
      on('kept', (opened) => overwritten(opened, target === main)),
      on('reads', misread),
      on('pictures', confused),
      // Where things lie is the same on every target.
      ...(target === main ? [on('mask', async (opened) => mislaidMask(opened)), on('orientation', turned)] : []),
      ...(target === main ? [on('chance', sharesNoise)] : []),
      // How weights and configurations are used is the same on every target.
      ...(first
        ? [
            caseOf({ plugin, property: 'weights', on: target, limit: trial.limit }, () =>
              outdated({ plugin, trial, target }),
            ),
            caseOf({ plugin, property: 'configs', on: target, limit: trial.limit }, () =>
              otherwise({ plugin, trial, target }),
            ),
          ]
        : []),
      ...(target === main && plugin.sized
        ? [
            caseOf({ plugin, property: 'sizes', on: target, limit: trial.limit }, () =>
              misshapenElsewhere(
                { plugin, trial, target },
                async (opened) => (await misshapen(opened)) ?? mislaidMask(opened),
              ),
            ),
          ]
        : []),
      on('leaks', leftBehind),
      on('dispose', async (opened) => {
        const { tokenizer, bench } = opened;
        if (first) await paint(opened, { tokens: await tokensOf(opened, [1]) });
        const canvas = tokenizer.openCanvas(rowsOf(1), null, tokenizer.serves[0]!);
        canvas.dispose();
        canvas.dispose();
        tokenizer.dispose();
        tokenizer.dispose();
        const gone = bench.params.find(({ variable }) => variable.isDisposed);
        return gone ? `the weight ${gone.name} disposed by the tokenizer` : bench.left();
      }),
    ];
  });
}

/** What it computes with weights that it does not have any more, or null. */
async function outdated(spec: PartTrial<TokenizerPlugin>): Promise<string | null> {
  return stale<OpenedTokenizer>({
    trial: spec.trial,
    open: (use) => withTokenizer(spec, use),
    bench: ({ bench }) => bench,
    numbers: async (opened) => {
      const { values } = await encode(opened, [pictureOf(opened, 1)]);
      const [shown] = await paint(opened, { tokens: values });
      return Float32Array.from([...values, ...shown!]);
    },
  });
}

async function misshapen(opened: OpenedTokenizer): Promise<string | null> {
  const { layout, space, serves } = opened.tokenizer;
  const { values, index } = await encode(opened, [pictureOf(opened, 1), pictureOf(opened, 2)]);
  if (space.kind === 'discrete' && !index) return 'codes without an index each';
  if (values.length !== 2 * layout.length * space.channels) return `${values.length} numbers of two pictures`;
  if (!values.every(Number.isFinite)) return 'tokens that are not finite';
  for (const reads of serves) {
    const pictures = await paint(opened, { tokens: values, rows: 2, reads });
    const outside = pictures.some((one) => !one.every((value) => value >= 0 && value <= 1));
    if (outside) return 'pixels that are not in [0, 1]';
  }
  if (space.kind !== 'continuous') return null;
  // A head may draw values that no picture has.
  const [wild] = await paint(opened, { tokens: values.subarray(0, values.length / 2).map((value) => 10 * value) });
  return wild!.every((value) => value >= 0 && value <= 1)
    ? null
    : 'pixels that are not in [0, 1], of tokens that are ten times as large as those of a picture: cut them at 0 and 1';
}

async function unsteady(opened: OpenedTokenizer): Promise<string | null> {
  const all = async (): Promise<number[]> => {
    const pictures = [pictureOf(opened, 1), pictureOf(opened, 2)];
    const { values, index } = await encode(opened, pictures, plainRng(opened.trial.seed));
    const [shown] = await paint(opened, { tokens: values.subarray(0, values.length / 2) });
    return [...values, ...(index ?? []), ...shown!];
  };
  const once = await all();
  await tokensOf(opened, [3]);
  const again = unequal('tokens and pixels of one picture', once, await all());
  if (again !== null) return again;
  const tokens = await tokensOf(opened, [1]);
  const [alone] = await paint(opened, { tokens });
  const [beside] = await Promise.all([
    paint(opened, { tokens }),
    paint(opened, { tokens: await tokensOf(opened, [2]) }),
  ]);
  const [watched] = await paint(opened, { tokens, watched: true });
  const old = unequal('pixels', alone!, watched!);
  if (old !== null)
    return `${old} where pictures were asked for between the steps: a picture shows what is written by then`;
  const mixed = unequal('pixels', alone!, beside[0]!);
  return mixed && `${mixed} while another canvas is painted: keep what is written in the canvas`;
}

/** Noise of training is drawn for a whole batch: means are compared. */
async function unlikeAlone(opened: OpenedTokenizer): Promise<string | null> {
  const pictures = [1, 2, 3].map((number) => pictureOf(opened, number));
  const together = await encode(opened, pictures);
  const shown = await paint(opened, { tokens: together.values, rows: pictures.length });
  for (const [row, picture] of pictures.entries()) {
    const alone = await encode(opened, [picture]);
    const own = tokensAt(together.values, row, alone.values.length);
    const [pixels] = await paint(opened, { tokens: own });
    const far = apart('tokens of one picture', own, alone.values) ?? apart('pixels of one row', shown[row]!, pixels!);
    if (far !== null) return far;
  }
  return null;
}

async function strayCode(opened: OpenedTokenizer): Promise<string | null> {
  const { space } = opened.tokenizer;
  if (space.kind === 'continuous') return null;
  const { values, index } = await encode(
    opened,
    [1, 2, 3, 4].map((number) => pictureOf(opened, number)),
  );
  if (space.kind === 'factors') return strayFactor(values, space);
  if (!index) return 'codes without an index each';
  const outside = index.find((one) => one < 0 || one >= space.vocabulary);
  if (outside !== undefined) return `the index ${outside} of a vocabulary of ${space.vocabulary}`;
  const [V, C] = space.codebook_VC.shape;
  if (V !== space.vocabulary || C !== space.channels) return `a codebook of [${V}, ${C}]`;
  const codebook = await space.codebook_VC.data();
  const due = values.map((_, i) => codebook[index[Math.floor(i / C)]! * C + (i % C)]!);
  return apart('values and the codebook at their indices', values, due);
}

async function estimatesOf({ tokenizer }: OpenedTokenizer, values: Float32Array): Promise<Float32Array> {
  const values_BLC = tensorFrom(values.slice(), [1, tokenizer.layout.length, tokenizer.space.channels]) as Tensor3D;
  const estimates = tf.tidy(() => tokenizer.estimates!(values_BLC));
  values_BLC.dispose();
  return take(estimates);
}

/** Estimates of a scale look at no token of it, nor of those after it. */
async function foreseen(opened: OpenedTokenizer): Promise<string | null> {
  const { layout, space, estimates } = opened.tokenizer;
  if (!estimates) return null;
  const values = await tokensOf(opened, [1]);
  const own = await estimatesOf(opened, values);
  const first = layout.scales[0]!.height * layout.scales[0]!.width;
  for (const { start, height, width } of layout.scales.slice(1)) {
    const altered = values.map((value, i) => (i < start * space.channels ? value : value + 3));
    const until = (start - first + height * width) * space.channels;
    const other = (await estimatesOf(opened, altered)).subarray(0, until);
    const far = apart('estimates under other tokens to come', own.subarray(0, until), other);
    if (far !== null) return far;
  }
  return null;
}

/** What training estimates is what the canvas gives. */
async function unlikeTrained(opened: OpenedTokenizer): Promise<string | null> {
  if (!opened.tokenizer.estimates) return null;
  const tokens = await tokensOf(opened, [1]);
  const due = await estimatesOf(opened, tokens);
  for (const reads of opened.tokenizer.serves) {
    if (reads !== 'estimate' && reads !== 'scale') continue;
    const given: number[] = [];
    let before = -1;
    await paint(opened, {
      tokens,
      reads,
      seen: async ({ positions_Bl }, context) => {
        const scale = scaleAt(opened.tokenizer.layout, positions_Bl[0]!);
        const estimate = context.reads === 'estimate' ? context.values_BlC : estimateIn(context);
        if (estimate && scale !== before) given.push(...(await estimate.data()));
        before = scale;
      },
    });
    const far = apart('estimates of training and canvas', due, given);
    if (far !== null) return far;
  }
  return null;
}

const estimateIn = (context: Context): Tensor3D | null => (context.reads === 'scale' ? context.estimate_BnC : null);

const tokensAt = (values: Float32Array, row: number, size: number) => values.subarray(row * size, (row + 1) * size);

/** Draws of one picture's distribution, many at once. */
const DRAWS = 256;

/** What draws of one distribution share, or null. */
async function sharesNoise(opened: OpenedTokenizer): Promise<string | null> {
  const { layout, space } = opened.tokenizer;
  const drawn = await drawsOf(opened, true);
  const mean = await drawsOf(opened, false);
  if (unequal('', drawn.values, mean.values) === null) return null;
  const noise = drawn.values.map((value, i) => value - mean.values[i]!);
  const size = layout.length * space.channels;
  const spread = Float32Array.from({ length: size }, (_, at) =>
    Math.sqrt(noise.reduce((sum, value, i) => sum + (i % size === at ? value * value : 0), 0) / DRAWS),
  );
  const values = noise.map((value, i) => (spread[i % size]! > 0 ? value / spread[i % size]! : 0));
  const residuals = { values, rows: DRAWS, places: layout.length, features: space.channels };
  // Tokens of several scales may be made of the same numbers.
  return sharedByRows(residuals) ?? (layout.scales.length === 1 ? sharedByPlaces(residuals) : null);
}

async function drawsOf(opened: OpenedTokenizer, noisy: boolean): Promise<Encoded> {
  const { tokenizer, trial } = opened;
  const copies: OpenedTokenizer = {
    ...opened,
    tokenizer: {
      ...tokenizer,
      draw: (encoding, rng) => {
        const moments =
          encoding.moments && tf.tile(encoding.moments, [DRAWS, ...encoding.moments.shape.slice(1).map(() => 1)]);
        const index_BL = encoding.index_BL && (tf.tile(encoding.index_BL, [DRAWS, 1]) as tf.Tensor2D);
        return tokenizer.draw({ ...(moments && { moments }), ...(index_BL && { index_BL }) }, rng);
      },
    },
  };
  return encode(copies, [pictureOf(opened, 1)], noisy ? plainRng(trial.seed) : null);
}

async function leftBehind(opened: OpenedTokenizer): Promise<string | null> {
  const all = async (): Promise<void> => void (await paint(opened, { tokens: await tokensOf(opened, [1]) }));
  await all();
  const before = tf.memory().numTensors;
  await all();
  const left = tf.memory().numTensors - before;
  return left === 0 ? null : `${left} tensors after one picture`;
}
