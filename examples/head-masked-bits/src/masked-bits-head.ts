import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { defineHead, levelsOf, schema, tensorFrom, type FactorSpace, type TraceRng } from '@tessera/plugin-kit';
import {
  affine,
  cancelPoint,
  doubled,
  openMixture,
  runAdaLNMlp,
  takeAdaLNMlp,
  takeAffine,
  takeNumbers,
  tokenKey,
  tokensFrom,
} from '@tessera/head-kit';
import { drawLevel, rounds } from './drawing.ts';

const { object, integer, number, optional, described } = schema;

/**
 * Draws the bits of a token by a few masked steps inside the token (BAR, arXiv 2602.09024): a small network sees the hidden
 * state of the backbone and the bits that are known, and scores the others; some of these become known, and so on. A
 * "bit" is any factor of a token, of two levels or more. In names of tensors B are images, R rows (with guidance each
 * image has two), l the tokens of a step, C the channels of a token, F its factors, S the levels of all of them together,
 * D the width of a hidden state, W that of the network.
 */
export const maskedBitsHead = defineHead({
  contract: 2,
  name: '@tessera-examples/head-masked-bits',
  space: 'factors',
  confident: true,
  mixes: 'logits', // guidances may mix the scores of bits
  config: object({
    blocks: described(optional(integer({ min: 1, max: 24 }), 2), 'Residual blocks of the network.'),
    width: described(optional(integer({ min: 1, max: 4096 }), 64), 'Numbers of their hidden layers.'),
  }),
  options: ({ factors: { length: most } }) =>
    object({
      bitSteps: described(
        optional(integer({ min: 1, max: most }), most),
        'Steps inside a token: with one for every bit, each of them sees all that were drawn before it; fewer are faster.',
      ),
      temperature: described(optional(number({ min: 0, max: 10 }), 1), 'Below 1 likely bits are drawn more often.'),
    }),
  build: ({ blocks, width: W }, { width: D, space }, { engine, weights }) => {
    const { factors, channels: C } = space;
    const F = factors.length;
    const places = placesOf(space);
    const S = factors.reduce((sum, { levels }) => sum + levels, 0);
    // Known values, zeros for the others, and a mark for each factor that is known.
    const network = takeAdaLNMlp({ blocks, width: W, inputs: C + F, outputs: S }, weights);
    const condition = takeAffine(weights, 'condition', { shape: [W, D] });
    const score = (hidden: Tensor3D, known: Tensor3D): Tensor3D =>
      runAdaLNMlp(network, known, affine(hidden, condition));
    const program = engine.compile(score, { name: 'masked-bits', axes: ['R l .', 'R l .'] });
    return {
      // An upper bound of -log p of each token: its bits come in any order (Hoogeboom et al., arXiv 2110.02037).
      loss: ({ values_BlD }, { values_BlC }, { rng }) => {
        const [known_BlF, share_Bl1] = someKnown(values_BlD.shape, F, rng);
        const shown_BlC: Tensor3D = tf.mul(values_BlC, spread(known_BlF, space));
        const logits_BlS = score(values_BlD, tf.concat([shown_BlC, known_BlF], 2));
        const hidden_BlF = tf.sub(1, known_BlF);
        const each_BlF = tf.mul(surprise(logits_BlS, levelsOf(values_BlC, space), space), hidden_BlF);
        return tf.sum(tf.div(each_BlF, share_Bl1), 2) as Tensor2D;
      },
      sample: async ({ values_RlD, positions_Bl, guided }, context) => {
        const { rows, rng, options, signal } = context;
        const N = positions_Bl.length;
        const shape = { kind: 'logits', tokens: N / rows.length, stride: S, width: S } as const;
        const groups = factors.map(({ levels }) => levels);
        const mixture = openMixture({ ...shape, groups, guided }, context);
        const books = await Promise.all(space.codebooks.map((book) => book.data<'float32'>()));
        // Numbers depend on the row's seed, the step and the position alone: an image is the same in any batch.
        const draws = Array.from({ length: N }, (_, token) => {
          const key = tokenKey(token, positions_Bl, context);
          const first_F = rng.uniform({ ...key, stream: 'bit-order' }, F);
          const order = [...factors.keys()].sort((a, b) => first_F[a]! - first_F[b]!);
          return { order, race_S: rng.exponential({ ...key, stream: 'bits' }, S) };
        });
        const known = new Float32Array(N * (C + F));
        const logProbability_Bl = new Float32Array(N);
        const entropy_Bl = new Float32Array(N);
        for (const [from, to] of rounds(F, options.bitSteps)) {
          await cancelPoint(signal);
          const given = guided ? doubled(known) : known.slice();
          const known_Rlx = tensorFrom(given, [values_RlD.shape[0], values_RlD.shape[1], C + F]) as Tensor3D;
          const scored = program(values_RlD, known_Rlx).finally(() => known_Rlx.dispose());
          // Where guided, the second half of the rows saw no class: logits are mixed, u + w (c - u) or as a guidance says.
          const mixed = mixture(await takeNumbers(await scored));
          for (const [token, { order, race_S }] of draws.entries()) {
            for (const f of order.slice(from, to)) {
              const { first, channel } = places[f]!;
              const { levels, channels } = factors[f]!;
              const logits = Float64Array.from({ length: levels }, (_, v) => mixed(token * S + first + v));
              const race = race_S.subarray(first, first + levels);
              const drawn = drawLevel(logits, race, options.temperature);
              logProbability_Bl[token]! += drawn.logProbability;
              entropy_Bl[token]! += drawn.entropy;
              const entry = books[f]!.subarray(drawn.level * channels, (drawn.level + 1) * channels);
              known.set(entry, token * (C + F) + channel);
              known[token * (C + F) + C + f] = 1;
            }
          }
        }
        const values = Float32Array.from({ length: N * C }, (_, i) => known[Math.floor(i / C) * (C + F) + (i % C)]!);
        return {
          tokens: { values_BlC: tokensFrom(values, rows, C) },
          confidence_Bl: logProbability_Bl,
          describe: () => ({ logProbability_Bl, entropy_Bl }),
        };
      },
      dispose: () => program.dispose(),
    };
  },
});

/** Where the logits and the channels of each factor begin. */
function placesOf({ factors }: Pick<FactorSpace, 'factors'>): { first: number; channel: number }[] {
  let [first, channel] = [0, 0];
  return factors.map(({ levels, channels }) => {
    const place = { first, channel };
    [first, channel] = [first + levels, channel + channels];
    return place;
  });
}

/**
 * Of each token a random number of factors, from none to all but one: 1 where known, [B, l, F], and the chance of a factor
 * to be one of the others, [B, l, 1].
 */
function someKnown([B, l]: readonly number[], F: number, rng: TraceRng): [Tensor3D, Tensor3D] {
  const count_Bl1 = tf.floor(tf.mul(rng.uniform('bits-known', [B!, l!, 1]), F)) as Tensor3D;
  const key_BlF = rng.uniform('bits-order', [B!, l!, F]);
  // The place of a factor in a random order: how many have a smaller key.
  const smaller = tf.less(tf.expandDims(key_BlF, 2), tf.expandDims(key_BlF, 3));
  const place_BlF = tf.sum(tf.cast(smaller, 'float32'), 3);
  const known_BlF = tf.cast(tf.less(place_BlF, count_Bl1), 'float32') as Tensor3D;
  return [known_BlF, tf.div(tf.sub(F, count_Bl1), F)];
}

/** Of each channel the number of its factor: [B, l, F] -> [B, l, C]. */
function spread(marks_BlF: Tensor3D, { factors }: FactorSpace): Tensor3D {
  const from = factors.flatMap(({ channels }, f) => Array<number>(channels).fill(f));
  return tf.gather(marks_BlF, tf.tensor1d(from, 'int32'), 2);
}

/** -log p of each factor's level: logits [B, l, S] and levels [B, l, F] -> [B, l, F]. */
function surprise(logits_BlS: Tensor3D, levels_BlF: Tensor3D, space: FactorSpace): Tensor3D {
  const places = placesOf(space);
  const each = space.factors.map(({ levels }, f): Tensor => {
    const logits = tf.slice(logits_BlS, [0, 0, places[f]!.first], [-1, -1, levels]);
    const level = tf.squeeze(tf.slice(levels_BlF, [0, 0, f], [-1, -1, 1]), [2]) as Tensor2D;
    return tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits), tf.oneHot(level, levels)), 2));
  });
  return tf.stack(each, 2) as Tensor3D;
}
