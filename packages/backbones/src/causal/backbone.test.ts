import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import {
  classOf,
  TokenCanvas,
  constantGuidance,
  noGuidance,
  randomOrder,
  rasterOrder,
  buildBackbone,
  type BoundBackbone,
  type Context,
  type Guidance,
  type Kept,
  type OrderPlugin,
  type Step,
  type TrainContext,
} from '@tessera/core';
import { keyedRng, tensorFrom, type Engine } from '@tessera/engine';
import { furthest } from '@tessera/goldens';
import { createEngine } from '@tessera/targets';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trainBatchOf, openTinyCausal, tokensOf, type TinyCausal } from '../../fixtures/tiny-causal.ts';
import type { ClassModulatedConfig } from '../class-modulated/params.ts';
import { causalTransformer } from './backbone.ts';

beforeAll(() => tf.setBackend('cpu'));

const never = (): never => {
  throw new Error('not asked for here');
};
const still: TrainContext = { train: false, rng: { uniform: never, normal: never } };

interface Request {
  readonly order: OrderPlugin;
  /** One a row; the row's number is its seed. */
  readonly labels: readonly number[];
  readonly seeds: readonly number[];
  readonly guidance?: Guidance;
  readonly kept?: Kept;
  /** What is written, [B, L, C]. */
  readonly values: Float32Array;
}

interface Rolled {
  /** Hidden states by row in the order in which they came, [R, L, D]. */
  readonly hidden: readonly Float32Array[];
  /** Positions by image in the order in which they came. */
  readonly orders: readonly (readonly number[])[];
}

/** A whole generation with the order's own plan and the canvas of core. */
async function roll(
  backbone: BoundBackbone,
  { model, length, channels }: TinyCausal,
  request: Request,
): Promise<Rolled> {
  const { order, labels, seeds, guidance = noGuidance, kept = null, values } = request;
  const rows = labels.map((label, row) => ({ seed: seeds[row]!, condition: classOf(label) }));
  const { layout } = model.dims;
  const plan = order.build({}).open(layout, { rows, kept, options: {}, rng: keyedRng(seeds) });
  const parts = { who: 'test', layout, channels, decode: never, preview: never };
  const canvas = new TokenCanvas(parts, { batch: rows.length, kept, reads: 'last' });
  const rollout = await backbone.openRollout(rows, guidance);
  const R = guidance.active ? 2 * rows.length : rows.length;
  const hidden: number[][] = Array.from({ length: R }, () => []);
  const orders: number[][] = rows.map(() => []);
  for (const step of plan.steps()) {
    const context = (await canvas.read(step)) as Extract<Context, { reads: 'last' }>;
    const { values_RlD, guided, positions_Bl } = await rollout.forward(context, step, guidance.active);
    expect([guided, positions_Bl, values_RlD.shape[0]]).toEqual([guidance.active, step.positions_Bl, R]);
    const data = await values_RlD.data<'float32'>();
    const D = data.length / R;
    for (const [row, numbers] of hidden.entries()) numbers.push(...data.subarray(row * D, (row + 1) * D));
    for (const [row, positions] of orders.entries()) positions.push(step.positions_Bl[row]!);
    const tokens = orders.flatMap((positions, row) => {
      const at = (row * length + positions.at(-1)!) * channels;
      return [...values.subarray(at, at + channels)];
    });
    const values_BlC = tensorFrom(Float32Array.from(tokens), [rows.length, 1, channels]) as Tensor3D;
    await canvas.write(step, { values_BlC });
    tf.dispose([values_RlD, values_BlC, ...(context.values_BlC ? [context.values_BlC] : [])]);
  }
  rollout.dispose();
  canvas.dispose();
  plan.dispose();
  return { hidden: hidden.map((numbers) => Float32Array.from(numbers)), orders };
}

/** Hidden states of teacher forcing in the order in which the tokens came, [L, D] by image. */
function trained(backbone: BoundBackbone, tiny: TinyCausal, { orders, labels, values }: TrainRequest): Float32Array[] {
  const { embedded, ...tokens } = trainBatchOf(tiny, { orders, labels, values });
  const label_R = tf.tensor1d([...labels], 'int32');
  const batch = { ...tokens, condition: { encoded: { label_R }, dropped_B: null } };
  const all = tf.tidy(() => backbone.teach(batch, still).values_BlD.dataSync<'float32'>());
  tf.dispose([embedded.vector_RD!, batch.values_BLC, batch.order_BL, batch.rank_BL, label_R]);
  const size = all.length / labels.length;
  return labels.map((_, row) => all.subarray(row * size, (row + 1) * size));
}

type TrainRequest = Pick<Request, 'labels' | 'values'> & Pick<Rolled, 'orders'>;

function largest(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  expect(a.length).toBe(b.length);
  return Math.max(...a.map((row, at) => furthest(row, b[at]!)));
}

const [raster, random] = [rasterOrder as OrderPlugin, randomOrder as OrderPlugin];

describe.each(['eager', 'onnx'] as const)('rollout on %s', (target) => {
  let engine: Engine;
  beforeAll(() => void (engine = createEngine({ target, threads: 1 })));
  afterAll(() => engine.dispose());

  /** Works with a random model; no tensor outlives it. */
  async function onTiny(
    { sides, ...config }: Size,
    work: (tiny: TinyCausal, backbone: BoundBackbone) => Promise<void>,
  ) {
    const before = tf.memory().numTensors;
    const tiny = openTinyCausal(sides, config);
    const { config: parsed, dims } = tiny.model;
    const backbone = buildBackbone({ plugin: causalTransformer, config: parsed }, dims, {
      engine,
      weights: tiny.weights,
    });
    await work(tiny, backbone);
    backbone.dispose();
    tiny.dispose();
    expect(tf.memory().numTensors).toBe(before);
  }

  it.each([
    ['raster order over one scale', raster, { sides: [3] }],
    ['random orders over one scale', random, { sides: [3] }],
    ['random orders over several scales', random, { sides: [1, 2], sharedAdaLN: true, qkNorm: false }],
    ['random orders without a cache', random, { sides: [1, 2], cache: 'none' }],
    ['the only token', raster, { sides: [1] }],
  ] as const)('gives what teacher forcing gives in %s', async (_, order, size) => {
    await onTiny(size, async (tiny, backbone) => {
      const request = { order, labels: [0, 3, -1], seeds: [4, 5, 6], values: tokensOf(tiny, 3) };
      const { hidden, orders } = await roll(backbone, tiny, request);
      if (order === random) expect(new Set(orders.map(String)).size).toBe(3);
      expect(largest(hidden, trained(backbone, tiny, { ...request, orders }))).toBeLessThan(3e-5);
    });
  });

  it('doubles the rows when guided: the condition first, the null class after', async () => {
    await onTiny({ sides: [2] }, async (tiny, backbone) => {
      const request = { order: random, labels: [1, 2], seeds: [8, 9], values: tokensOf(tiny, 2) };
      const { hidden, orders } = await roll(backbone, tiny, { ...request, guidance: constantGuidance(2) });
      const nulls = trained(backbone, tiny, { ...request, orders, labels: [-1, -1] });
      expect(largest(hidden.slice(0, 2), trained(backbone, tiny, { ...request, orders }))).toBeLessThan(3e-5);
      expect(largest(hidden.slice(2), nulls)).toBeLessThan(3e-5);
      expect(largest(hidden.slice(0, 2), nulls)).toBeGreaterThan(0.1);
    });
  });

  it.each([
    ['raster', raster],
    ['random', random],
  ] as const)('sees kept tokens, not what the head made of them, in %s order', async (_, order) => {
    await onTiny({ sides: [2] }, async (tiny, backbone) => {
      const given = tokensOf(tiny, 1).map((number) => -2 * number);
      const keep_L = Uint8Array.of(0, 1, 1, 0);
      const values_BLC = tensorFrom(Float32Array.from([...given, ...given]), [2, 4, 3]) as Tensor3D;
      const request = { order, labels: [1, 2], seeds: [8, 9], values: tokensOf(tiny, 2) };
      const { hidden, orders } = await roll(backbone, tiny, { ...request, kept: { values_BLC, keep_L } });
      const mixed = request.values.map((number, i) => (keep_L[Math.floor(i / 3) % 4] ? given[i % 12]! : number));
      expect(largest(hidden, trained(backbone, tiny, { ...request, orders, values: mixed }))).toBeLessThan(3e-5);
      values_BLC.dispose();
    });
  });

  it('refuses labels, contexts and steps that do not fit', async () => {
    await onTiny({ sides: [2] }, async (tiny, backbone) => {
      const values = tokensOf(tiny, 1);
      const wrong = roll(backbone, tiny, { order: raster, labels: [4], seeds: [1], values });
      await expect(wrong).rejects.toThrow('label 4; expected a label from 0 to 3');
      const rollout = await backbone.openRollout([{ seed: 0, condition: classOf(0) }], noGuidance);
      const step: Step = { index: 0, of: 4, before: 4, after: 3, positions_Bl: Int32Array.of(0) };
      const values_BlC = tf.ones([1, 1, 3]) as Tensor3D;
      const misfit = (context: Context, positions = [0]) =>
        expect(rollout.forward(context, { ...step, positions_Bl: Int32Array.from(positions) }, false)).rejects;
      await misfit({ reads: 'estimate', values_BlC: null }).toThrow("a context of 'estimate'");
      await misfit({ reads: 'last', values_BlC }).toThrow('expected an empty canvas');
      await misfit({ reads: 'last', values_BlC: null }, [0, 1]).toThrow('one position for each of 1 rows');
      const { values_RlD } = await rollout.forward({ reads: 'last', values_BlC: null }, step, false);
      await misfit({ reads: 'last', values_BlC: null }).toThrow('expected the newest token of each row');
      tf.dispose([values_BlC, values_RlD]);
      rollout.dispose();
    });
  });
});

type Size = { readonly sides: readonly number[] } & Partial<ClassModulatedConfig>;

describe('a batch', () => {
  it.each([
    ['unguided', noGuidance],
    ['guided', constantGuidance(2)],
  ] as const)('%s gives every row the bytes that it has alone, in one program', async (_, guidance) => {
    const engine = createEngine({ target: 'onnx', threads: 2 });
    const tiny = openTinyCausal([4], { width: 48, heads: 4 });
    const { model, weights } = tiny;
    const backbone = buildBackbone({ plugin: causalTransformer, config: model.config }, model.dims, {
      engine,
      weights,
    });
    const labels = [0, 3, -1, 1, 2, 3, 3];
    const seeds = labels.map((_, row) => 20 + row);
    const values = tokensOf(tiny, labels.length);
    const together = await roll(backbone, tiny, { order: random, labels, seeds, guidance, values });
    const size = values.length / labels.length;
    for (const [row, label] of labels.entries()) {
      const own = { labels: [label], seeds: [seeds[row]!], values: values.slice(row * size, (row + 1) * size) };
      const alone = await roll(backbone, tiny, { order: random, guidance, ...own });
      const rows = guidance.active ? [row, labels.length + row] : [row];
      expect(alone.orders[0]).toEqual(together.orders[row]);
      expect(
        largest(
          alone.hidden,
          rows.map((at) => together.hidden[at]!),
        ),
      ).toBe(0);
    }
    const sessions = Object.fromEntries(engine.profile().map(({ name, sessions }) => [name, sessions]));
    expect(sessions).toEqual({
      'causal.open': 1,
      'causal.begin': 1,
      'causal.embed': 1,
      'causal.step': 1,
      'causal.whole': 0,
      'condition.causal-transformer': 1,
    });
    backbone.dispose();
    tiny.dispose();
    engine.dispose();
  });
});
