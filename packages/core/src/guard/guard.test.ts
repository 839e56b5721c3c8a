import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changed, refusal, type Changes } from '../../fixtures/changed-composition.ts';
import { smallMaterials } from '../../fixtures/small-composition.ts';
import { compose } from '../compose.ts';

const { engine, weights } = smallMaterials();

beforeAll(() => tf.setBackend('cpu'));
afterAll(() => engine.dispose());

const boom = () => {
  throw new Error('boom');
};

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

  it('checks what training calls', () => {
    const { head, backbone, order, tokenizer } = compose(
      changed({
        head: () => ({ loss: () => tf.zeros([2]) as never }),
        backbone: () => ({ teach: () => ({ values_BlD: tf.zeros([1, 5, 4]), positions_Bl: null }) as never }),
        order: () => ({ visit: () => new Int32Array(2) }),
      }),
      { engine, weights },
    );
    const context = { rng: null as never, train: true };
    const values_BLC = tf.zeros<tf.Rank.R3>([1, 5, 1]);
    const taught = { values_BlD: tf.zeros<tf.Rank.R3>([1, 5, 3]), positions_Bl: null };
    expect(() => head.loss(taught, { values_BlC: values_BLC }, context)).toThrow(
      'got the loss of [2] float32 of loss()',
    );
    expect(() => backbone.teach({ values_BLC } as never, context)).toThrow('expected [1, 5, 3] float32');
    expect(() => order.visit(tokenizer.layout, new Float32Array(5))).toThrow('[next-scale] got 2 positions of visit()');
    tokenizer.dispose();
  });
});
