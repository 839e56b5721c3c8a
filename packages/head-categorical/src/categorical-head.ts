import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import type { BuildContext, Head, Hidden, SampleContext, Space, Tokens } from '@tessera/core';
import { defineHead } from '@tessera/plugin-kit';
import { nn, tensorFrom, type Engine } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { categoricalLoss } from './categorical-loss.ts';
import { categoricalConfig, categoricalOptions, type CategoricalConfig, type CategoricalOptions } from './config.ts';
import { mixGuided } from './mix-guided.ts';
import { drawTokens, type DrawnTokens } from './token-sampler.ts';

const NAME = 'categorical';

/** A distribution over the codebook for each token: one linear layer (VAR, MaskGIT, raster transformers). */
export const categoricalHead = defineHead({
  contract: 1,
  name: NAME,
  package: '@tessera/head-categorical',
  space: 'discrete',
  confident: true,
  config: categoricalConfig,
  options: categoricalOptions,
  build: (config, { width, space }, context) => buildHead({ config, width, space }, context),
});

type DiscreteSpace = Extract<Space, { kind: 'discrete' }>;

interface HeadParts {
  readonly config: CategoricalConfig;
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
      const logits_BlV = await scorer.score(hidden, context.weight);
      const codebook = { vocabulary, codebook_VC: await readCodebook() };
      const drawn = drawTokens({ ...codebook, logits_BlV, positions_Bl: hidden.positions_Bl }, context);
      return { tokens: asTokens(drawn, context), confidence_Bl: drawn.confidence_Bl };
    },
    dispose: () => scorer.dispose(),
  };
}

/** A tensor's numbers, which may lie in a file: read once, and again only when it was assigned others. */
function keptNumbers(tensor: Tensor): () => Promise<Float32Array> {
  let kept: { readonly dataId: object; readonly numbers: Float32Array } | null = null;
  return async () => {
    const { dataId } = tensor;
    if (kept?.dataId !== dataId) kept = { dataId, numbers: await tensor.data<'float32'>() };
    return kept.numbers;
  };
}

interface Scorer {
  score(hidden: Hidden, weight: number): Promise<Float32Array>;
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
    score: async ({ values_RlD, guided: mixed }, weight) => {
      if (!mixed) return take(await plain(values_RlD));
      const weight_1 = tensorFrom(Float32Array.of(weight), [1]) as Tensor1D;
      try {
        return await take(await guided(values_RlD, weight_1));
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

async function take(tensor: Tensor): Promise<Float32Array> {
  const data = await tensor.data<'float32'>();
  tensor.dispose();
  return data;
}

function asTokens({ values_BlC, index_Bl }: DrawnTokens, { rows, options }: SampleContext<CategoricalOptions>): Tokens {
  const perRow = index_Bl.length / rows.length;
  const channels = values_BlC.length / index_Bl.length;
  const values = tensorFrom(values_BlC, [rows.length, perRow, channels]) as Tensor3D;
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
