import * as tf from '@tensorflow/tfjs';
import { confidenceOrder, type AnyPlugin, type Plan, type Rollout } from '@tessera/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { normalHead } from '../../fixtures/faulty-heads.ts';
import { lineBackbone } from '../../fixtures/line-backbone.ts';
import { pixelTokenizer } from '../../fixtures/pixel-tokenizer.ts';
import { saysOf } from '../../fixtures/said.ts';
import type { BackbonePlugin, HeadPlugin, LabelBackbonePlugin, OrderPlugin, TokenizerPlugin } from '../index.ts';
import type { CasesOptions, Property } from './index.ts';

/*
 * As broken-heads.test.ts, for parts that keep what they should not: what two generations share, what was computed from
 * weights that are gone, programs and tensors after dispose().
 */

beforeAll(() => tf.setBackend('cpu'));

const quick: CasesOptions = { targets: ['eager'] };

/** A part that is built once, or otherwise. */
function rebuilt<P extends BackbonePlugin | HeadPlugin | OrderPlugin | TokenizerPlugin>(
  plugin: P,
  build: P['build'],
): P {
  return { ...plugin, build };
}

const head = normalHead();

/** The head, with another `sample`. */
function sampling(change: (sample: ReturnType<HeadPlugin['build']>['sample']) => typeof sample): HeadPlugin {
  return rebuilt(head, (...given) => {
    const built = head.build(...given);
    return { ...built, sample: change(built.sample) };
  });
}

/** Answers with the tokens of the call that began last. */
const crossed = sampling((sample) => {
  let newest = 0;
  return async (hidden, context) => {
    const own = ++newest;
    const sampled = await sample(hidden, context);
    await new Promise(setImmediate);
    if (own === newest) return sampled;
    const { values_BlC } = sampled.tokens;
    const other = tf.add<tf.Tensor3D>(values_BlC, 1);
    values_BlC.dispose();
    return { ...sampled, tokens: { values_BlC: other } };
  };
});

const surest = confidenceOrder as OrderPlugin;
/** A plan that all generations share. */
const shared = rebuilt(surest, (config) => {
  const order = surest.build(config);
  let newest: Plan | null = null;
  return {
    ...order,
    open: (...given) => {
      const plan = order.open(...given);
      newest = plan;
      return { ...plan, choose: (...asked) => newest!.choose!(...asked) };
    },
  };
});

const line = lineBackbone as LabelBackbonePlugin;
/** Sums of all rollouts in one place: the newest rollout's. */
const together = rebuilt(
  line as BackbonePlugin,
  ((...given: Parameters<typeof line.build>) => {
    const backbone = line.build(...given);
    let newest: Rollout | null = null;
    return {
      ...backbone,
      openRollout: async (...asked: Parameters<typeof backbone.openRollout>) => {
        const rollout = await backbone.openRollout(...asked);
        newest = rollout;
        const forward: Rollout['forward'] = (...now) => newest!.forward(...now);
        return { ...rollout, forward };
      },
    };
  }) as BackbonePlugin['build'],
);

const pixels = pixelTokenizer as TokenizerPlugin;
/** Its codebook of one, made by build() and never freed. */
const hoarding = rebuilt(pixels, (...given) => {
  tf.ones([3]);
  return pixels.build(...given);
});

/** A layer that is read once. */
const remembering = rebuilt(head, (config, dims, { engine, weights }) => {
  const kept = new Map<string, tf.Tensor>();
  const once = (variable: tf.Tensor, name: string): tf.Tensor => {
    if (!kept.has(name)) kept.set(name, tf.keep(tf.clone(variable)));
    return kept.get(name)!;
  };
  const own = head.build(config, dims, { engine, weights });
  const matrix = weights.param('weight', [1], { init: { kind: 'zeros' }, decay: true });
  return {
    ...own,
    sample: async (hidden, context) => {
      const sampled = await own.sample(hidden, context);
      const { values_BlC } = sampled.tokens;
      const moved = tf.tidy(() => tf.add<tf.Tensor3D>(values_BlC, tf.sum(once(matrix, 'sum'))));
      values_BlC.dispose();
      return { ...sampled, tokens: { values_BlC: moved } };
    },
  };
});

const asking = rebuilt(head, (config, dims, context) => {
  context.weights.param('spare', [2], { init: { kind: 'zeros' }, decay: false });
  return head.build(config, dims, context);
});

const keeping = rebuilt(head, (config, dims, context) => ({
  ...head.build(config, dims, context),
  dispose: () => undefined,
}));

describe('a part that keeps what it should not', () => {
  it.each<readonly [string, Property, RegExp, AnyPlugin]>([
    ['a head whose calls meet', 'determinism', /while another generation is under way: keep nothing between/, crossed],
    ['an order whose plans are one', 'determinism', /./, shared],
    ['a backbone whose rollouts are one', 'determinism', /./, together],
    ['a head of old weights', 'weights', /apart after the weights changed/, remembering],
    ['a head with a weight to spare', 'weights', /the weight spare, which changes nothing/, asking],
    ['a head that keeps its programs', 'dispose', /the program normal still there after dispose\(\)/, keeping],
    ['a tokenizer that keeps tensors', 'dispose', /1 tensors still there after dispose\(\)/, hoarding],
  ])('is found: %s', async (_, property, words, plugin) => {
    expect(await saysOf(plugin, property, quick)).toMatch(words);
  });

  it('lets a weight be idle with a reason', async () => {
    expect(await saysOf(asking, 'weights', { ...quick, neutral: { spare: 'for a longer text' } })).toBeNull();
    expect(await saysOf(asking, 'options', { ...quick, neutral: { spare: 'for a longer text' } })).toBeNull();
  });
});
