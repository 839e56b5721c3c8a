import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import type { BuildContext, Head, Hidden, SampleContext, Space, SpaceShape, Tokens } from '@tessera/core';
import { defineHead } from '@tessera/plugin-kit';
import { schema, type OutputOf } from '@tessera/schema';
import { nn, tensorFrom, type Engine } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { mixGuided, openMixture, takeNumbers, tokensFrom } from '@tessera/head-kit';
import { describeDrawn, drawTokens, type DrawnTokens } from './sampling.ts';

const NAME = 'categorical';

const { object, integer, number, boolean, described, optional } = schema;

/** Build time. */
const categoricalConfig = object({
  /** Share of the target that is spread over the whole vocabulary in the loss. */
  labelSmoothing: optional(number({ min: 0, max: 1 }), 0),
  /** Factor on the initial weights: small, so that training starts near the uniform distribution. */
  initScale: optional(number({ min: 0 }), 0.02),
});

type CategoricalConfig = OutputOf<typeof categoricalConfig>;

/** Request time. The vocabulary bounds top-k. */
function categoricalOptions({ vocabulary }: Extract<SpaceShape, { kind: 'discrete' }>) {
  return object({
    topK: described(
      optional(integer({ min: 0, max: vocabulary }), 0),
      'Draws among this many of the likeliest tokens; 0 draws among all.',
    ),
    topP: described(
      optional(number({ min: 0, max: 1 }), 0),
      'Draws among the likeliest tokens that hold this much probability together; 0 draws among all.',
    ),
    smooth: described(
      optional(boolean(), false),
      'Blends the embeddings of tokens in early steps: smoother pictures, less faithful statistics.',
    ),
  });
}

export type CategoricalOptions = OutputOf<ReturnType<typeof categoricalOptions>>;

/** A distribution over the codebook for each token: one linear layer (VAR, MaskGIT, raster transformers). */
export const categoricalHead = defineHead({
  contract: 2,
  name: NAME,
  package: '@tessera/head-categorical',
  space: 'discrete',
  confident: true,
  mixes: 'logits',
  config: categoricalConfig,
  options: categoricalOptions,
  build: (config, { width, space }, context) => buildHead({ config, width, space }, context),
});

type DiscreteSpace = Extract<Space, { kind: 'discrete' }>;

interface HeadParts {
  readonly config: CategoricalConfig;
  /** Of the hidden states. */
  readonly width: number;
  readonly space: DiscreteSpace;
}

function buildHead({ config, width, space }: HeadParts, { engine, weights }: BuildContext): Head<CategoricalOptions> {
  const { vocabulary, codebook_VC } = space;
  const std = config.initScale * Math.sqrt(1 / (3 * width));
  const weight_VD = weights.param('head.weight', [vocabulary, width], { init: { kind: 'normal', std }, decay: true });
  const bias_V = weights.param('head.bias', [vocabulary], { init: { kind: 'zeros' }, decay: false });
  const logitsOf = (values: Tensor3D): Tensor3D => nn.linear(values, weight_VD, bias_V);
  const scorer = compileScorer(engine, logitsOf);
  const readCodebook = keptNumbers(codebook_VC);
  return {
    loss: ({ values_BlD }, target) =>
      categoricalLoss(logitsOf(values_BlD), requireIndex(target), config.labelSmoothing),
    sample: async (hidden, context) => {
      context.signal.throwIfAborted();
      const logits_BlV = await scorer.score(hidden, context);
      const codebook = { vocabulary, codebook_VC: await readCodebook() };
      const drawn = drawTokens({ ...codebook, logits_BlV, positions_Bl: hidden.positions_Bl }, context);
      const sampled = { tokens: asTokens(drawn, context), confidence_Bl: drawn.confidence_Bl };
      // A blend of embeddings was drawn from no distribution over the codebook.
      return context.options.smooth
        ? sampled
        : { ...sampled, describe: () => describeDrawn(logits_BlV, drawn.index_Bl) };
    },
    dispose: () => scorer.dispose(),
  };
}

/**
 * Cross entropy of each token, [B, L], with label smoothing: the target is `(1 - s) onehot + s / V`. `index_BL` is int32.
 * Traceable.
 */
export function categoricalLoss(logits_BLV: Tensor3D, index_BL: Tensor2D, smoothing: number): Tensor2D {
  const [B, L, V] = logits_BLV.shape;
  const logits_NV = tf.reshape(logits_BLV, [B * L, V]) as Tensor2D;
  const index_N = tf.reshape(index_BL, [B * L]) as Tensor1D;
  return tf.reshape(nn.crossEntropy(logits_NV, index_N, smoothing), [B, L]);
}

interface Scorer {
  score(hidden: Hidden, context: Pick<SampleContext, 'weight' | 'mix' | 'rows'>): Promise<Float32Array>;
  dispose(): void;
}

/** Logits of one step with guidance mixed in, read back: B times l rows of V numbers. */
function compileScorer(engine: Engine, logitsOf: (values: Tensor3D) => Tensor3D): Scorer {
  const plain = engine.compile(logitsOf, { name: 'categorical.logits', axes: ['B l .'] });
  // Logits are linear in the hidden states: mixing those first halves the product.
  const guided = engine.compile(
    (values_RlD: Tensor3D, weight_1: Tensor1D) => logitsOf(mixGuided(values_RlD, weight_1)),
    { name: 'categorical.guided', axes: ['R l .', '.'] },
  );
  return {
    score: async ({ values_RlD, guided: isGuided }, context) => {
      if (!isGuided) return takeNumbers(await plain(values_RlD));
      if (context.mix) return mixLogits(await takeNumbers(await plain(values_RlD)), values_RlD.shape[1], context);
      const weight_1 = tensorFrom(Float32Array.of(context.weight), [1]) as Tensor1D;
      try {
        return await takeNumbers(await guided(values_RlD, weight_1));
      } finally {
        weight_1.dispose();
      }
    },
    dispose: () => {
      plain.dispose();
      guided.dispose();
    },
  };
}

/** Mixtures that are not linear need the logits of both halves. */
function mixLogits(
  logits_RlV: Float32Array,
  tokens: number,
  context: Pick<SampleContext, 'weight' | 'mix' | 'rows'>,
): Float32Array {
  const half = logits_RlV.length / 2;
  const V = half / tokens / context.rows.length;
  const shape = { kind: 'logits', guided: true, tokens, stride: V, width: V, groups: [V] } as const;
  const mixed = openMixture(shape, context)(logits_RlV);
  return Float32Array.from({ length: half }, (_, i) => mixed(i));
}

/** The numbers of a tensor, which may lie in a file: read once, and again only after others were assigned to it. */
function keptNumbers(tensor: Tensor): () => Promise<Float32Array> {
  let kept: { readonly dataId: object; readonly numbers: Float32Array } | null = null;
  return async () => {
    const { dataId } = tensor;
    if (kept?.dataId !== dataId) kept = { dataId, numbers: await tensor.data<'float32'>() };
    return kept.numbers;
  };
}

function asTokens({ values_BlC, index_Bl }: DrawnTokens, { rows, options }: SampleContext<CategoricalOptions>): Tokens {
  const perRow = index_Bl.length / rows.length;
  const channels = values_BlC.length / index_Bl.length;
  const values = tokensFrom(values_BlC, rows, channels);
  if (options.smooth) return { values_BlC: values };
  return { values_BlC: values, index_Bl: tensorFrom(index_Bl, [rows.length, perRow], 'int32') as Tensor2D };
}

function requireIndex({ index_Bl }: Tokens): Tensor2D {
  if (index_Bl) return index_Bl;
  throw new TesseraError({
    code: 'target-without-index',
    who: NAME,
    got: 'target tokens without indices',
    expected: 'indices into the codebook',
    next: "Train on the tokenizer's own tokens, not on smoothed ones.",
  });
}
