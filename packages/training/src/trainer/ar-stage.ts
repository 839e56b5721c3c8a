import type { Backbone, Head, Tokenizer } from '@tessera/core';
import { tensorFrom, type Engine, type Param } from '@tessera/engine';
import type { FreshWeights } from '@tessera/models';
import { batchOrder } from '../data/batch-order.ts';
import { nextScaleLoss, type TokenBatch } from '../loss/next-scale-loss.ts';
import type { ArRecipe } from '../recipe/recipe.ts';
import { progressiveWeights, type Progressive } from '../schedule/progressive.ts';
import { hyperOf, optimiserSpec } from './hyper.ts';
import type { Batch, Stage } from './stage.ts';
import type { CachedTokens } from './token-cache.ts';
import { validate } from './validation.ts';

/** What is trained, on what. */
export interface ArStageOptions {
  readonly engine: Engine;
  readonly tokenizer: Tokenizer;
  readonly backbone: Backbone;
  readonly head: Head;
  /** Where backbone and head took their parameters. */
  readonly weights: { readonly backbone: FreshWeights; readonly head: FreshWeights };
  readonly tokens: { readonly train: CachedTokens; readonly validation: CachedTokens };
  readonly recipe: ArRecipe;
  readonly seed: number;
}

/** Stage two of VAR: next-scale prediction on cached tokens. */
export function arStage(options: ArStageOptions): Stage & { dispose(): void } {
  const { engine, tokenizer, backbone, head, tokens, recipe, seed } = options;
  const { steps, batch, accumulate, labelDrop } = recipe;
  const loss = nextScaleLoss({ tokenizer, backbone, head }, { labelDrop });
  const spec: Stage['spec'] = {
    params: trainedParams(options.weights),
    loss: (given, rng) => loss(given as unknown as TokenBatch, rng),
  };
  const trainStep = engine.compileTrainStep({ name: 'ar', ...spec, ...optimiserSpec(recipe) });
  const order = batchOrder(tokens.train.count, { batch, seed });
  const weigh = weigher(options);
  const make = (cached: CachedTokens, members: Int32Array, step: number): Batch =>
    tokenBatch(cached, members, weigh(step));
  return {
    name: 'ar',
    steps,
    trainStep,
    spec,
    hyper: hyperOf(recipe, seed),
    batches: (step) =>
      Promise.resolve(
        Array.from({ length: accumulate }, (_, part) =>
          make(tokens.train, order.batch(step * accumulate + part), step),
        ),
      ),
    figures: ({ aux }) => ({ scale: [...aux['scale_S']!] }),
    validate: () =>
      validate(
        trainStep,
        heldOut(tokens.validation, batch, (members) => make(tokens.validation, members, steps)),
        ['scale_S'],
      ),
    dispose: () => trainStep.dispose(),
  };
}

/** Backbone and head in one optimiser, under names that cannot meet. */
export function trainedParams({ backbone, head }: ArStageOptions['weights']): Param[] {
  const prefixed = (part: string, weights: FreshWeights) =>
    weights.params.map((param) => ({ ...param, name: `${part}.${param.name}` }));
  return [...prefixed('backbone', backbone), ...prefixed('head', head)];
}

/** The token weights of each step. */
function weigher({ tokenizer, recipe }: ArStageOptions): (step: number) => Float32Array {
  const sizes = tokenizer.layout.scales.map(({ height, width }) => height * width);
  const plan = recipe.progressive;
  const progressive: Progressive | null = plan && {
    until: plan.until,
    first: plan.first,
    warmup: recipe.optimiser.learningRate.warmup,
    steps: recipe.steps,
    scales: sizes.length,
  };
  return (step) => progressiveWeights(step, { progressive, fade: plan?.fade ?? 0, sizes });
}

function tokenBatch({ index_NL, label_N, length }: CachedTokens, members: Int32Array, weight_L: Float32Array): Batch {
  const index_BL = new Int32Array(members.length * length);
  for (const [slot, member] of members.entries()) {
    index_BL.set(index_NL.subarray(member * length, (member + 1) * length), slot * length);
  }
  return {
    index_BL: tensorFrom(index_BL, [members.length, length], 'int32'),
    label_B: tensorFrom(
      members.map((member) => label_N[member]!),
      [members.length],
      'int32',
    ),
    weight_L: tensorFrom(weight_L, [weight_L.length]),
  };
}

async function* heldOut(
  { count }: CachedTokens,
  batch: number,
  make: (members: Int32Array) => Batch,
): AsyncGenerator<Batch> {
  for (let start = 0; start + batch <= count; start += batch) {
    yield make(Int32Array.from({ length: batch }, (_, i) => start + i));
  }
}
