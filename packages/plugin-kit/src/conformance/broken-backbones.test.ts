import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { lineBackbone } from '../../fixtures/line-backbone.ts';
import { meanBackbone } from '../../fixtures/mean-backbone.ts';
import { saysOf } from '../../fixtures/said.ts';
import { classOf, labelOf, type Backbone, type LabelBackbonePlugin, type Context, type Rollout } from '@tessera/core';
import { cases, type Property } from './index.ts';

/* As broken-heads.test.ts, for backbones. */

beforeAll(() => tf.setBackend('cpu'));

describe.each([
  ['causal', lineBackbone],
  ['bidirectional', meanBackbone],
] as const)('the smallest %s backbone passes', (_, plugin) => {
  for (const { name, run } of cases(plugin)) it(name, run);
});

/** A backbone that does some of its work otherwise. */
function changed(plugin: LabelBackbonePlugin, change: (backbone: Backbone) => Partial<Backbone>): LabelBackbonePlugin {
  const build: typeof plugin.build = (...given) => {
    const backbone = plugin.build(...given);
    return { ...backbone, ...change(backbone) };
  };
  return { ...plugin, build };
}

const [line, mean] = [lineBackbone as LabelBackbonePlugin, meanBackbone as LabelBackbonePlugin];
const backboneWith = (change: (backbone: Backbone) => Partial<Backbone>): LabelBackbonePlugin => changed(line, change);

/** Rollouts that are opened for other rows. */
function opening(plugin: LabelBackbonePlugin, other: (label: number) => number): LabelBackbonePlugin {
  return changed(plugin, ({ openRollout, teach }) => ({
    openRollout: (rows, guidance) =>
      openRollout(
        rows.map((row) => ({ ...row, condition: classOf(other(labelOf(row.condition))) })),
        guidance,
      ),
    teach: (batch, context) => {
      const zero = tf.zerosLike(batch.condition.label_B);
      const label_B =
        other(1) === other(0) ? tf.fill(zero.shape, other(0), 'int32') : tf.maximum(batch.condition.label_B, zero);
      return teach({ ...batch, condition: { kind: 'class', label_B } }, context);
    },
  }));
}

/** Rollouts that are told otherwise what is known. */
function told(change: (context: Extract<Context, { reads: 'known' }>) => Partial<Context>): LabelBackbonePlugin {
  return changed(mean, ({ openRollout }) => ({
    openRollout: async (...given) => {
      const rollout = await openRollout(...given);
      const forward: Rollout['forward'] = async (context, ...rest) => {
        const other = { ...context, ...change(context as Extract<Context, { reads: 'known' }>) } as Context;
        return rollout.forward(other, ...rest);
      };
      return { ...rollout, forward };
    },
  }));
}

/** Hidden states of a rollout, changed. */
function hiddenAs(plugin: LabelBackbonePlugin, change: (values_RlD: Tensor3D) => Tensor3D): LabelBackbonePlugin {
  return changed(plugin, ({ openRollout }) => ({
    openRollout: async (...given) => {
      const rollout = await openRollout(...given);
      return {
        ...rollout,
        forward: async (...asked) => {
          const hidden = await rollout.forward(...asked);
          const values_RlD = tf.tidy(() => change(hidden.values_RlD));
          hidden.values_RlD.dispose();
          return { ...hidden, values_RlD };
        },
      };
    },
  }));
}

function rolloutWith(
  change: (rollout: Rollout, rows: number, guided: boolean) => Partial<Rollout>,
): LabelBackbonePlugin {
  return backboneWith(({ openRollout }) => ({
    openRollout: async (rows, guidance) => {
      const rollout = await openRollout(rows, guidance);
      return { ...rollout, ...change(rollout, rows.length, guidance.active) };
    },
  }));
}

const forwardPlus = (add: (rows: number, guided: boolean) => number): LabelBackbonePlugin =>
  rolloutWith(({ forward }, rows, guided) => ({
    forward: async (...given) => {
      const hidden = await forward(...given);
      const values_RlD = tf.tidy(() => tf.add(hidden.values_RlD, add(rows, guided)) as Tensor3D);
      hidden.values_RlD.dispose();
      return { ...hidden, values_RlD };
    },
  }));

/** Hidden states said to be of position 0 alone. */
function placing(dtype: 'float32' | 'int32'): LabelBackbonePlugin {
  return backboneWith(({ teach }) => ({
    teach: (batch, context) => ({
      ...teach(batch, context),
      positions_Bl: tf.zeros(batch.order_BL.shape, dtype) as tf.Tensor2D,
    }),
  }));
}

let calls = 0;
const left: tf.Tensor[] = [];
const disposeOnce = () => {
  let gone = false;
  return {
    dispose: () => {
      if (gone) throw new Error('disposed twice');
      gone = true;
    },
  };
};

const broken: readonly [string, Property, RegExp, LabelBackbonePlugin][] = [
  [
    'training on twice what sampling computes',
    'cache',
    /hidden states of training, whose noise does nothing, and of sampling/,
    backboneWith(({ teach }) => ({
      teach: (batch, context) => {
        const { values_BlD, ...said } = teach(batch, context);
        return { ...said, values_BlD: context.train ? tf.mul(values_BlD, 2) : values_BlD };
      },
    })),
  ],
  ['another width', 'shapes', /width 5/, backboneWith(() => ({ width: 5 }))],
  [
    'positions of another type',
    'shapes',
    /positions_Bl of \[2, 9\] float32 of teach\(\) \(due: \[2, 9\] int32\)/,
    placing('float32'),
  ],
  ['other positions', 'shapes', /positions_Bl of teach\(\) that are not the order of the batch/, placing('int32')],
  ['a memory of calls', 'determinism', /apart/, forwardPlus(() => ++calls)],
  ['a look at the number of rows', 'batch', /apart/, forwardPlus((rows) => rows)],
  ['a look at guidance', 'guidance', /apart/, forwardPlus((_, guided) => (guided ? 1 : 0))],
  [
    'a look ahead',
    'causality',
    /tokens to come/,
    backboneWith(({ teach }) => ({
      teach: (batch, context) => {
        const { values_BlD } = teach(batch, context);
        return { values_BlD: tf.add(values_BlD, tf.sum(batch.values_BLC)), positions_Bl: null };
      },
    })),
  ],
  ['other hidden states in training', 'cache', /teach and rollout/, forwardPlus(() => 1)],
  [
    'a loss of NaN',
    'loss',
    /NaN/,
    backboneWith(({ teach }) => ({
      teach: (batch, context) => ({ values_BlD: tf.mul(teach(batch, context).values_BlD, NaN), positions_Bl: null }),
    })),
  ],
  [
    'tensors left behind',
    'leaks',
    /2 tensors after two rollouts/,
    rolloutWith(() => ({ dispose: () => void left.push(tf.zeros([1])) })),
  ],
  ['a second dispose that throws', 'dispose', /twice/, backboneWith(disposeOnce)],
  ['classes ignored', 'context', /the same hidden states for the labels 0, 1, -1/, opening(mean, () => 0)],
  [
    'the null class taken for the first',
    'context',
    /the same hidden states for the labels/,
    opening(mean, (label) => Math.max(0, label)),
  ],
  ['rows of the null class first', 'guidance', /apart/, hiddenAs(mean, (all) => tf.reverse(all, 0))],
  [
    'a class in the place of the null class',
    'guidance',
    /hidden states of guided rows and of label -1/,
    hiddenAs(mean, (all) =>
      all.shape[0] === 4 ? tf.concat([tf.slice(all, 0, 2), tf.slice(all, 0, 2)], 0) : tf.clone(all),
    ),
  ],
  [
    'rows of the null class kept where guidance has ended',
    'guidance',
    /hidden states after guidance has ended/,
    rolloutWith(({ forward }, rows, active) => ({
      forward: async (context, step, guided) => {
        const hidden = await forward(context, step, active);
        if (guided === active) return hidden;
        const values_RlD = tf.slice(hidden.values_RlD, rows) as Tensor3D;
        hidden.values_RlD.dispose();
        return { ...hidden, values_RlD, guided };
      },
    })),
  ],
  [
    'guidance that is said to end and does not',
    'guidance',
    /values_RlD of \[4, 1, 4\]/,
    rolloutWith(({ forward }, _, active) => ({ forward: (context, step) => forward(context, step, active) })),
  ],
  [
    'tokens ignored',
    'context',
    /whatever is written/,
    told(({ values_BLC }) => ({ values_BLC: tf.zerosLike(values_BLC) })),
  ],
  [
    'what is known ignored',
    'context',
    /whether tokens are known or not/,
    told(({ known_BL }) => ({ known_BL: tf.onesLike(known_BL) })),
  ],
  [
    'places ignored',
    'context',
    /at all places/,
    hiddenAs(mean, (all) => tf.add(tf.zerosLike(all), tf.mean(all, 1, true))),
  ],
  [
    'other rows in the hidden states',
    'batch',
    /apart/,
    hiddenAs(mean, (all) => tf.add(all, tf.mul(tf.max(all), 0.01))),
  ],
  [
    'the order of a training batch ignored',
    'cache',
    /in an order of an image's own/,
    backboneWith(({ teach }) => ({
      teach: (batch, context) => {
        const [B, L] = batch.rank_BL.shape;
        const rank_BL = tf.tile(tf.reshape(tf.range(0, L, 1, 'int32'), [1, L]), [B, 1]) as tf.Tensor2D;
        return teach({ ...batch, rank_BL }, context);
      },
    })),
  ],
  [
    'a cache that forgets',
    'cache',
    /teach and rollout/,
    rolloutWith(({ forward }, rows) => ({
      forward: (context, step, guided) => {
        const values_BlC = step.index % 2 ? context.reads === 'last' && context.values_BlC : tf.zeros([rows, 1, 3]);
        return forward({ reads: 'last', values_BlC: (values_BlC || null) as Tensor3D | null }, step, guided);
      },
    })),
  ],
  [
    'labels of a training batch ignored',
    'cache',
    /teach and rollout/,
    backboneWith(({ teach }) => ({
      teach: (batch, context) =>
        teach({ ...batch, condition: { kind: 'class', label_B: tf.zerosLike(batch.condition.label_B) } }, context),
    })),
  ],
  [
    'a look at the next token',
    'causality',
    /tokens to come/,
    backboneWith(({ teach }) => ({
      teach: (batch, context) => {
        const rank_BL = tf.sub(batch.rank_BL, tf.scalar(1, 'int32')) as tf.Tensor2D;
        const { values_BlD, ...rest } = teach(batch, context);
        const seen = tf.sum(tf.mul(batch.values_BLC, tf.cast(tf.less(rank_BL, 1), 'float32').expandDims(2)), 1, true);
        return { ...rest, values_BlD: tf.add(values_BlD, tf.mul(tf.mean(seen, 2, true), 0.1)) as Tensor3D };
      },
    })),
  ],
];

it.each(broken)('finds %s (%s)', async (_, property, words, plugin) => {
  const said = await saysOf(plugin, property, { targets: ['eager'] });
  expect(said).toMatch(words);
  expect(said).toContain('part-conformance');
  expect(said).toContain(`(property ${property})`);
});
