import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { classOf, confidenceOrder, type Head, type Step } from '@tessera/core';
import { keyedRng, tensorFrom, type Engine } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { categoricalHead, type CategoricalOptions } from './head.ts';

const [V, D, L] = [16, 8, 9];
const layout = { length: L, scales: [{ start: 0, height: 3, width: 3 }] };
const rows = [
  { seed: 3, condition: classOf(0) },
  { seed: 4, condition: classOf(0) },
];
const rng = keyedRng([3, 4]);

let engine: Engine;
let head: Head<CategoricalOptions>;
/** By position, of both rows and their guided halves. */
const hidden = numbers('hidden', 4 * L * D, 2);
const weight_VD = numbers('weight', V * D, 1);

beforeAll(async () => {
  await tf.setBackend('cpu');
  engine = createEngine({ target: 'onnx', threads: 1 });
  const codebook_VC = tensorFrom(numbers('codebook', V * 2, 1), [V, 2]) as Tensor2D;
  const space = { kind: 'discrete', channels: 2, vocabulary: V, codebook_VC } as const;
  const param = (name: string) =>
    name === 'head.weight' ? tensorFrom(weight_VD, [V, D]) : tensorFrom(new Float32Array(V), [V]);
  const config = categoricalHead.config.parse({}, 'test');
  head = categoricalHead.build(config, { width: D, space }, { engine, weights: { has: () => true, param } });
});
afterAll(() => {
  head.dispose();
  engine.dispose();
});

function numbers(stream: string, count: number, scale: number): Float32Array {
  return keyedRng([1])
    .normal({ row: 0, stream, step: 0, position: 0 }, count)
    .map((value) => value * scale);
}

/** Logits of a token with weight w, in doubles by the definition. */
function logitsOf(row: number, position: number, w: number): number[] {
  const dot = (half: number, v: number) => {
    const at = ((half * 2 + row) * L + position) * D;
    return Array.from({ length: D }, (_, d) => hidden[at + d]! * weight_VD[v * D + d]!).reduce((sum, x) => sum + x, 0);
  };
  return Array.from({ length: V }, (_, v) => dot(1, v) + w * (dot(0, v) - dot(1, v)));
}

async function draw(step: Step, changes: Partial<CategoricalOptions> = {}, weight = 2) {
  const l = step.positions_Bl.length / 2;
  const values = Float32Array.from({ length: 4 * l * D }, (_, i) => {
    const [token, d] = [Math.floor(i / D), i % D];
    return hidden[(Math.floor(token / l) * L + step.positions_Bl[token % (2 * l)]!) * D + d]!;
  });
  const values_RlD = tensorFrom(values, [4, l, D]) as Tensor3D;
  const options = { topK: 0, topP: 0, smooth: false, ...changes };
  const signal = new AbortController().signal;
  const context = { step, rows, weight, rng, options, signal };
  const { tokens, confidence_Bl } = await head.sample(
    { values_RlD, positions_Bl: step.positions_Bl, guided: true },
    context,
  );
  const index = tokens.index_Bl ? [...(await tokens.index_Bl.data())] : [];
  tf.dispose([values_RlD, tokens.values_BlC, ...(tokens.index_Bl ? [tokens.index_Bl] : [])]);
  return { index, confidence_Bl: confidence_Bl! };
}

const all: Step = {
  index: 0,
  of: 1,
  before: L,
  after: 0,
  positions_Bl: Int32Array.from({ length: 2 * L }, (_, i) => i % L),
};

describe('the confidence of the categorical head', () => {
  it.each([
    ['all tokens', {}],
    ['the likeliest three', { topK: 3 }],
    ['half of the mass', { topP: 0.5 }],
  ])("is the drawn token's log-probability under the guided softmax of %s, before the filter", async (_, filter) => {
    await draw(all, filter); // compiles
    const before = tf.memory().numTensors;
    const { index, confidence_Bl } = await draw(all, filter);
    expect(tf.memory().numTensors).toBe(before);
    expect(new Set(index).size).toBeGreaterThan(3);
    for (const [token, v] of index.entries()) {
      const logits = logitsOf(Math.floor(token / L), token % L, 2);
      const expected = logits[v]! - Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
      expect(confidence_Bl[token]).toBeCloseTo(expected, 4);
    }
  });

  it('says the same of a token that is smoothed', async () => {
    const plain = await draw(all);
    expect([...(await draw(all, { smooth: true })).confidence_Bl]).toEqual([...plain.confidence_Bl]);
  });

  it('lets the order by confidence keep the tokens that are surest', async () => {
    const options = { steps: 4, choiceTemperature: 0 };
    const plan = confidenceOrder.build({}).open(layout, { rows, options, kept: null, rng });
    const written = [new Set<number>(), new Set<number>()];
    for (const step of plan.steps()) {
      const { confidence_Bl } = await draw(step);
      const l = step.before;
      const { step: chosen, slots_Bl } = plan.choose!(step, { confidence_Bl });
      const count = slots_Bl.length / 2;
      for (const row of [0, 1]) {
        const own = confidence_Bl.subarray(row * l, (row + 1) * l);
        const kept = [...slots_Bl.subarray(row * count, (row + 1) * count)].map((slot) => confidence_Bl[slot]!);
        expect(kept.sort()).toEqual(
          [...own]
            .sort((a, b) => b - a)
            .slice(0, count)
            .sort(),
        );
        for (const position of chosen.positions_Bl.subarray(row * count, (row + 1) * count)) {
          expect(written[row]!.has(position)).toBe(false);
          written[row]!.add(position);
        }
      }
    }
    expect(written.map(({ size }) => size)).toEqual([L, L]);
    plan.dispose();
  });
});
