import { createEngine } from '@tessera/targets';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changed, composeGuarded, refusal, type Changes } from '../../fixtures/changed-composition.ts';
import { classOf, type Described, type Head } from '@tessera/core';
import { keyedRng } from '@tessera/engine';
import { smallMaterials } from '@tessera/core/testing';
import { guardHead } from './guard-head.ts';
import { guardPlan } from './guard-order.ts';

const { engine, weights } = smallMaterials(createEngine({ target: 'eager' }));

beforeAll(() => tf.setBackend('cpu'));
afterAll(() => engine.dispose());

const boom = () => {
  throw new Error('boom');
};

/** One step of so many positions, and an error where it is left early. */
function* unleavable(count: number) {
  try {
    yield { index: 0, of: 1, before: 5, after: 0, positions_Bl: Int32Array.from({ length: count }, (_, i) => i % 5) };
  } finally {
    boom();
  }
}

describe('a guarded composition', () => {
  it('lets parts that keep their contracts through, leaving nothing behind', async () => {
    expect(await refusal(changed({}), { preview: 'linear' })).toEqual({ said: 'none', left: 0 });
  });

  it.each<[string, RegExp, Changes]>([
    [
      'a head that throws',
      /^part-failed \[shade\] got an error of sample\(\): boom/,
      { head: () => ({ sample: boom }) },
    ],
    [
      'tokens of another shape',
      /^part-shape \[shade\] got tokens\.values_BlC of \[2, 3\] float32 of sample\(\); expected \[2, 1, 1\] float32/,
      { head: () => ({ sample: async () => ({ tokens: { values_BlC: tf.zeros([2, 3]) as never } }) }) },
    ],
    [
      'tokens of another type',
      /^part-shape \[shade\] got tokens\.values_BlC of \[2, 1, 1\] int32/,
      { head: () => ({ sample: async () => ({ tokens: { values_BlC: tf.zeros([2, 1, 1], 'int32') as never } }) }) },
    ],
    [
      'no tokens',
      /^part-shape \[shade\] got no tensor tokens/,
      { head: () => ({ sample: async () => ({}) as never }) },
    ],
    [
      'a head without loss',
      /^part-shape \[shade\] got an answer without loss of build/,
      { head: () => ({ loss: undefined as never }) },
    ],
    [
      'a backbone that throws',
      /^part-failed \[echo\] got an error of openRollout\(\): boom/,
      { backbone: () => ({ openRollout: boom }) },
    ],
    [
      'hidden states of another width',
      /^part-shape \[echo\] got values_RlD of \[2, 1, 7\] float32 of forward\(\); expected \[2, 1, 3\]/,
      {
        backbone: () => ({
          openRollout: async () => ({
            remembers: false,
            forward: async (_, { positions_Bl }) => ({ values_RlD: tf.zeros([2, 1, 7]), positions_Bl, guided: false }),
            dispose: () => undefined,
          }),
        }),
      },
    ],
    [
      'a canvas of another read',
      /^part-shape \[shades\] got a context of reads 'last' of canvas\.read\(\)/,
      {
        tokenizer: ({ openCanvas }) => ({
          openCanvas: (...given) => ({
            ...openCanvas(...given),
            read: async () => ({ reads: 'last', values_BlC: null }),
          }),
        }),
      },
    ],
    [
      'a picture of another size',
      /^part-shape \[shades\] got a picture of 2 x 2 x 1 with 3 numbers of canvas\.render\(\); expected 2 x 2 x 1/,
      {
        tokenizer: ({ openCanvas }) => ({
          openCanvas: (...given) => ({
            ...openCanvas(...given),
            render: async () => ({ height: 2, width: 2, channels: 1, data: new Float32Array(3) }),
          }),
        }),
      },
    ],
    [
      'an order that throws',
      /^part-failed \[next-scale\] got an error of open\(\): boom/,
      { order: () => ({ open: boom }) },
    ],
    [
      'estimates that are served and cannot be taught',
      /^part-shape \[shades\] got an answer without estimates of build\(\)/,
      { tokenizer: () => ({ estimates: undefined as never }) },
    ],
    [
      'steps that cannot be left, after a step of no use',
      /^part-shape \[next-scale\] got a step of 3 positions of steps\(\)/,
      { order: () => ({ open: () => ({ steps: () => unleavable(3), dispose: () => undefined }) }) },
    ],
    [
      'uneven steps',
      /^part-shape \[next-scale\] got a step of 3 positions of steps\(\)/,
      {
        order: () => ({
          open: () => ({
            steps: () => [{ index: 0, of: 1, before: 5, after: 0, positions_Bl: new Int32Array(3) }],
            dispose: () => undefined,
          }),
        }),
      },
    ],
  ])('names the part and the rule: %s', async (_, sentence, changes) => {
    const { said, left } = await refusal(changed(changes));
    expect(said).toMatch(sentence);
    expect(left).toBe(0);
  });

  it('names an order whose steps cannot be left', () => {
    const plan = { steps: () => unleavable(5), dispose: () => undefined };
    const guarded = guardPlan(plan, { name: 'next-scale', revisits: false, length: 5, rows: 1, kept: null });
    const leave = () => {
      for (const step of guarded.steps()) return step;
      return null;
    };
    expect(leave).toThrow('[next-scale] got an error of steps(): boom');
  });

  it('lends copies of numbers: a part that writes into them spoils its own alone', async () => {
    const spoil = ({ positions_Bl }: { positions_Bl: Int32Array }) => void positions_Bl.fill(99);
    const spoiling: Changes = {
      head: ({ sample: own }) => ({
        sample: async (hidden, context) => {
          const sampled = await own(hidden, context);
          [hidden, context.step].forEach(spoil);
          return sampled;
        },
      }),
      backbone: ({ openRollout }) => ({
        openRollout: async (...given) => {
          const rollout = await openRollout(...given);
          const forward: typeof rollout.forward = async (context, step, guided) => {
            const hidden = await rollout.forward(context, step, guided);
            const positions_Bl = step.positions_Bl.slice();
            spoil(step);
            return { ...hidden, positions_Bl };
          };
          return { ...rollout, forward };
        },
      }),
      tokenizer: ({ openCanvas }) => ({
        openCanvas: (...given) => {
          const canvas = openCanvas(...given);
          return { ...canvas, write: (step, tokens) => canvas.write(step, tokens).finally(() => spoil(step)) };
        },
      }),
    };
    expect(await refusal(changed(spoiling))).toEqual({ said: 'none', left: 0 });
  });

  it('names a head that leaves tensors behind', async () => {
    const leaky: Changes = {
      head: ({ sample: own }) => ({
        sample: (...given) => {
          tf.zeros([2]);
          return own(...given);
        },
      }),
    };
    expect((await refusal(changed(leaky))).said).toMatch(
      /^part-leaks \[shade\] got 1 tensors left behind by sample\(\)/,
    );
  });

  it('names a backbone whose rollouts leave tensors behind', async () => {
    const leaky: Changes = {
      backbone: ({ openRollout }) => ({
        openRollout: async (...given) => {
          const rollout = await openRollout(...given);
          return { ...rollout, dispose: () => void tf.zeros([2]) };
        },
      }),
    };
    expect((await refusal(changed(leaky))).said).toMatch(/^part-leaks \[echo\] got 1 tensors left behind by a rollout/);
  });

  it('checks what a head says of its tokens, where somebody asks', async () => {
    const numbers = (count: number) => Float32Array.from({ length: count }, () => -1);
    const describing = (logProbability_Bl: Float32Array, likeliest?: Described['likeliest']) =>
      guardHead(
        {
          loss: boom,
          sample: async () => ({
            tokens: { values_BlC: tf.zeros([2, 1, 1]) },
            describe: () => ({ logProbability_Bl, entropy_Bl: numbers(2), ...(likeliest && { likeliest }) }),
          }),
          dispose: () => undefined,
        },
        { name: 'shade', space: { kind: 'continuous', channels: 1 }, confident: false, watch: false },
      );
    const positions_Bl = Int32Array.of(0, 0);
    const hidden = { values_RlD: tf.zeros<tf.Rank.R3>([2, 1, 3]), positions_Bl, guided: false };
    const step = { index: 0, of: 1, before: 1, after: 0, positions_Bl };
    const rows = [classOf(0), classOf(1)].map((condition, seed) => ({ seed, condition }));
    const signal = new AbortController().signal;
    const context = { step, rows, weight: 1, rng: keyedRng([0, 1]), options: {}, signal };
    const said = async (head: Head) => (await head.sample(hidden, context)).describe!();
    expect((await said(describing(numbers(2)))).entropy_Bl).toHaveLength(2);
    for (const wrong of [numbers(1), Float32Array.of(NaN, 0)]) {
      await expect(said(describing(wrong))).rejects.toThrow('[shade] got no such logProbability_Bl of describe()');
    }
    const likeliest = (codes: number, probabilities: Float32Array) => ({
      code_BlK: new Int32Array(codes),
      probability_BlK: probabilities,
    });
    expect(await said(describing(numbers(2), likeliest(4, numbers(4))))).toHaveProperty('likeliest');
    for (const wrong of [likeliest(3, numbers(3)), likeliest(4, numbers(2)), likeliest(2, Float32Array.of(NaN, 0))]) {
      await expect(said(describing(numbers(2), wrong))).rejects.toThrow('[shade] got no such likeliest of describe()');
    }
  });

  it('checks what training calls', () => {
    const { head, backbone, order, tokenizer } = composeGuarded(
      changed({
        head: () => ({ loss: () => tf.zeros([2]) as never }),
        backbone: () => ({ teach: () => ({ values_BlD: tf.zeros([1, 5, 4]), positions_Bl: null }) as never }),
        order: () => ({ visit: () => new Int32Array(2) }),
        tokenizer: () => ({
          draw: () => ({ values_BlC: tf.zeros([1, 4, 1]) }),
          estimates: () => tf.zeros([1, 3, 1]),
        }),
      }),
      { engine, weights },
    );
    const context = { rng: null as never, train: true };
    const values_BLC = tf.zeros<tf.Rank.R3>([1, 5, 1]);
    const hidden = { values_BlD: tf.zeros<tf.Rank.R3>([1, 5, 3]), positions_Bl: null };
    expect(() => head.loss(hidden, { values_BlC: values_BLC }, context)).toThrow(
      'got the loss of [2] float32 of loss()',
    );
    const condition = { encoded: backbone.encode([classOf(0)]), dropped_B: null };
    expect(() => backbone.teach({ values_BLC, condition } as never, context)).toThrow('expected [1, 5, 3] float32');
    const encoding = { index_BL: tf.zeros<tf.Rank.R2>([1, 5], 'int32') };
    expect(() => tokenizer.draw(encoding, null)).toThrow('[shades] got values_BlC of [1, 4, 1] float32 of draw()');
    expect(() => tokenizer.estimates!(values_BLC)).toThrow('[shades] got the estimates of [1, 3, 1]');
    expect(() => order.visit(tokenizer.layout, new Float32Array(5))).toThrow('[next-scale] got 2 positions of visit()');
    tokenizer.dispose();
  });
});
