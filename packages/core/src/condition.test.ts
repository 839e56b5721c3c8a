import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { tensorFrom } from '@tessera/engine';
import { isTesseraError } from '@tessera/errors';
import { schema } from '@tessera/schema';
import { createEngine } from '@tessera/targets';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildBackbone, conditionOf, type BackboneParts } from './build-backbone.ts';
import type { ConditionForm, ConditionPart } from './condition.ts';
import { constantGuidance, noGuidance } from './guidance.ts';
import type { BackbonePlugin, ConditionedBackbonePlugin, ConditionPlugin } from './plugin.ts';
import { echoBackbone } from './testing/small-composition.ts';
import { classOf, type Condition, type Step } from './tokens.ts';
import type { Weights } from './weights.ts';

beforeAll(() => tf.setBackend('cpu'));

const WIDTH = 2;
const dims = {
  layout: { length: 1, scales: [{ start: 0, height: 1, width: 1 }] },
  space: { kind: 'continuous', channels: 1 },
} as const;
const step: Step = { index: 0, of: 1, before: 1, after: 0, positions_Bl: Int32Array.of(0, 0) };

/** A shade from 0 to 1, as a vector of two parts: the shade and a learnt number; both -1 for none. */
const shade: ConditionPlugin<object, { readonly shade: number }> = {
  contract: 2,
  kind: 'condition',
  name: '@acme/shade',
  config: schema.object({}),
  describe: () => ({ forms: ['vector'], classes: null }),
  input: () => schema.object({ shade: schema.number({ min: 0, max: 1 }) }),
  build: (_config, { width }, { weights }) => {
    const bias_1 = weights.param('bias', [1], { init: { kind: 'ones' }, decay: false });
    return {
      axes: { shade_R: 'R' },
      encode: (values) => ({
        shade_R: tensorFrom(
          values.map((value) => value?.shade ?? -1),
          [values.length],
        ),
      }),
      embed: ({ shade_R }, dropped_R) => {
        const none_R = tf.neg(tf.onesLike(shade_R!));
        const kept_R = dropped_R ? tf.where(dropped_R, none_R, shade_R!) : shade_R!;
        const rows = kept_R.shape[0]!;
        const learnt_R = tf.mul(tf.where(tf.less(kept_R, 0), none_R, tf.onesLike(kept_R)), bias_1);
        return { vector_RD: tf.reshape(tf.stack([kept_R, learnt_R], 1), [rows, width]) as Tensor2D };
      },
      dispose: () => undefined,
    };
  },
};

/** Hidden states are the vector of the condition. */
const mirror: ConditionedBackbonePlugin<object> = {
  contract: 2,
  kind: 'backbone',
  name: 'mirror',
  config: schema.object({}),
  describe: () => ({
    width: WIDTH,
    reads: 'known',
    remembers: false,
    condition: { forms: ['vector'], width: WIDTH, own: null },
  }),
  build: () => ({
    width: WIDTH,
    reads: 'known',
    openRollout: async ({ own, guided }) => ({
      remembers: false,
      forward: async (_context, { positions_Bl }, isGuided) => {
        const vector_RD = ((isGuided && guided) || own).vector_RD!;
        const values_RlD = tf.reshape(vector_RD, [-1, 1, WIDTH]) as Tensor3D;
        return { values_RlD, positions_Bl, guided: isGuided };
      },
      dispose: () => undefined,
    }),
    teach: ({ embedded }) => ({
      values_BlD: tf.reshape(embedded.vector_RD!, [-1, 1, WIDTH]) as Tensor3D,
      positions_Bl: null,
    }),
    dispose: () => undefined,
  }),
};

const parts: BackboneParts = {
  plugin: mirror as BackbonePlugin,
  config: {},
  condition: { plugin: shade as ConditionPlugin, config: {} },
};

const say = (value: unknown): Condition => ({ kind: 'input', input: value });

/** Builds, works, and disposes; no tensor outlives it. */
async function withBuilt<T>(
  work: (built: ReturnType<typeof buildBackbone>, asked: string[]) => Promise<T>,
): Promise<T> {
  const engine = createEngine({ target: 'onnx', threads: 1 });
  const asked: string[] = [];
  const bias_1 = tensorFrom(Float32Array.of(0.25), [1]);
  const weights: Weights = {
    has: () => true,
    param: (name) => {
      asked.push(name);
      return bias_1;
    },
  };
  const before = tf.memory().numTensors;
  const built = buildBackbone(parts, dims, { engine, weights });
  try {
    return await work(built, asked);
  } finally {
    built.dispose();
    expect(tf.memory().numTensors).toBe(before);
    bias_1.dispose();
    engine.dispose();
  }
}

const context = () => ({
  reads: 'known' as const,
  values_BLC: tf.zeros([2, 1, 1]) as Tensor3D,
  known_BL: tf.zeros([2, 1]) as Tensor2D,
});

describe('a backbone with a condition of another package', () => {
  it.each([
    ['without guidance', noGuidance, [0.5, 0.25, -1, -0.25]],
    ['with guidance', constantGuidance(2), [0.5, 0.25, -1, -0.25, -1, -0.25, -1, -0.25]],
  ])('sees what each row says, %s', async (_, guidance, expected) => {
    await withBuilt(async (built, asked) => {
      expect(asked).toEqual(['condition.bias']);
      const rows = [say({ shade: 0.5 }), classOf(-1)].map((condition, seed) => ({ seed, condition }));
      const rollout = await built.openRollout(rows, guidance);
      const given = context();
      const { values_RlD } = await rollout.forward(given, step, guidance.active);
      expect([...(await values_RlD.data())]).toEqual(expected);
      tf.dispose([values_RlD, given.values_BLC, given.known_BL]);
      rollout.dispose();
    });
  });

  it('is given the forms in one order, whatever that of the part: axes of programs follow it', async () => {
    const engine = createEngine({ target: 'onnx', threads: 1 });
    const reversed: ConditionPlugin = {
      ...(shade as ConditionPlugin),
      describe: () => ({ forms: ['sequence', 'vector'], classes: null }),
      build: (config, dims, context) => {
        const part = shade.build(config as object, dims, context);
        return {
          ...part,
          embed: (encoded, dropped_R, train) => {
            const { vector_RD } = part.embed(encoded, dropped_R, train);
            const values_RSD = tf.reshape(vector_RD!, [-1, 1, WIDTH]) as Tensor3D;
            const counts_RS = tf.onesLike(tf.slice(vector_RD!, [0, 0], [-1, 1])) as Tensor2D;
            return { sequence: { counts_RS, values_RSD }, vector_RD: vector_RD! };
          },
        } as ConditionPart;
      },
    };
    const given: unknown[] = [];
    const plugin: ConditionedBackbonePlugin<object> = {
      ...mirror,
      describe: (config) => ({
        ...mirror.describe(config),
        condition: { forms: ['vector', 'sequence'], width: WIDTH, own: null },
      }),
      build: (...args) => ({
        ...mirror.build(...args),
        openRollout: async ({ own }) => {
          given.push(Object.keys(own), Object.keys(own.sequence!));
          return { remembers: false, forward: () => Promise.reject(new Error('not asked')), dispose: () => undefined };
        },
      }),
    };
    const bias_1 = tensorFrom(Float32Array.of(1), [1]);
    const weights: Weights = { has: () => true, param: () => bias_1 };
    const both = { plugin: plugin as BackbonePlugin, config: {}, condition: { plugin: reversed, config: {} } };
    const built = buildBackbone(both, dims, { engine, weights });
    (await built.openRollout([{ seed: 0, condition: say({ shade: 1 }) }], noGuidance)).dispose();
    expect(given).toEqual([
      ['vector_RD', 'sequence'],
      ['values_RSD', 'counts_RS'],
    ]);
    built.dispose();
    bias_1.dispose();
    engine.dispose();
  });

  it('learns with and without them', async () => {
    await withBuilt(async (built) => {
      const encoded = built.encode([say({ shade: 0.5 }), say({ shade: 1 })]);
      const values_BlD = tf.tidy(() => {
        const dropped_B = tf.tensor1d([0, 1], 'bool');
        const order_BL = tf.zeros([2, 1], 'int32') as Tensor2D;
        const { values_BLC } = context();
        const rng = { uniform: () => tf.scalar(0), normal: () => tf.scalar(0) };
        const batch = { values_BLC, order_BL, rank_BL: order_BL, cut: null, condition: { encoded, dropped_B } };
        return built.teach(batch, { rng, train: true }).values_BlD;
      });
      expect([...(await values_BlD.data())]).toEqual([0.5, 0.25, -1, -0.25]);
      tf.dispose([values_BlD, ...Object.values(encoded)]);
    });
  });

  it.each([
    ['condition-kind', classOf(3), 'kind input: this model has no classes'],
    ['field-invalid', say({ shade: 2 }), 'shade'],
    ['field-missing', say({}), 'shade'],
  ])('refuses with %s', async (code, condition, wording) => {
    await withBuilt(async (built) => {
      const opening = built.openRollout([{ seed: 0, condition }], noGuidance);
      const error: unknown = await opening.then(
        () => null,
        (reason: unknown) => reason,
      );
      if (!isTesseraError(error)) throw new Error('was accepted', { cause: error });
      expect([error.code, error.message.includes(wording)]).toEqual([code, true]);
    });
  });
});

describe('conditionOf', () => {
  const giving = (...forms: ConditionForm[]): ConditionPlugin => ({
    ...(shade as ConditionPlugin),
    describe: () => ({ forms, classes: null }),
  });

  it.each([
    ['condition-missing', { ...parts, condition: undefined }, 'no condition for the backbone mirror'],
    [
      'condition-twice',
      { ...parts, plugin: echoBackbone as BackbonePlugin, config: { width: 3 } },
      'classes of its own',
    ],
    ['condition-forms', { ...parts, condition: { plugin: giving('map'), config: {} } }, 'which gives a map'],
    ['condition-forms', { ...parts, condition: { plugin: giving('vector', 'map'), config: {} } }, 'a vector and a map'],
    ['condition-forms', { ...parts, condition: { plugin: giving(), config: {} } }, 'which gives nothing'],
  ] satisfies [string, BackboneParts, string][])('refuses with %s', (code, given, wording) => {
    expect(() => conditionOf(given)).toThrow(expect.objectContaining({ code }));
    expect(() => conditionOf(given)).toThrow(wording);
  });

  it('takes the classes of a backbone of contract 1 as they are', () => {
    const { space, chosen } = conditionOf({ plugin: echoBackbone as BackbonePlugin, config: { width: 3 } });
    expect([space.classes, chosen]).toEqual([4, null]);
  });
});
