import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import type { Tensor2D } from '@tensorflow/tfjs';
import type { AttributeProgram } from '@tessera/features';
import { judgeNetwork, openJudge, openShippedJudge } from '@tessera/features';
import { freshWeights } from '@tessera/models';
import { createEngine } from '@tessera/targets';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { dataFields, openData } from '../data/data-kinds.ts';
import type { DataSet, Split } from '../data/data-set.ts';
import { attributeObjective } from './attribute-objective.ts';
import { attributeReport } from './attribute-report.ts';
import { toldReport } from './told-report.ts';

let cache: string;
let data: DataSet;
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'tessera-report-'));
  vi.stubEnv('TESSERA_CACHE', cache);
  const recipe = {
    kind: 'avatars',
    size: 16,
    perClass: 60,
    validation: 0,
    test: 20,
    styles: ['thumbs', 'open-peeps'],
    input: ['text'],
  };
  data = await openData(dataFields.parse(recipe, 'x'), { folder: '.', seed: 0 });
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(cache, { recursive: true, force: true });
});

const all = ({ count }: Split) => Int32Array.from({ length: count }, (_, i) => i);
const size = 16 * 16 * 3;

/** A judge that knows every picture of the data. */
async function oracle(): Promise<AttributeProgram> {
  const columns = data.attributes!.length;
  const known = new Map<string, { label: number; values: Int32Array }>();
  for (const split of [data.train, data.test]) {
    const pixels = await split.read(all(split));
    for (const n of all(split)) {
      const values = split.attribute_NA!.subarray(n * columns, (n + 1) * columns);
      known.set(String(pixels.subarray(n * size, (n + 1) * size)), { label: split.label_N[n]!, values });
    }
  }
  return {
    attributes: data.attributes!,
    run: (pixels) => {
      const rows = Array.from({ length: pixels.length / size }, (_, n) =>
        known.get(String(pixels.subarray(n * size, (n + 1) * size)))!,
      );
      const attribute_NA = Int32Array.from(rows.flatMap(({ values }) => [...values]));
      return Promise.resolve({ label_N: Int32Array.from(rows, ({ label }) => label), attribute_NA });
    },
    dispose: () => undefined,
  };
}

describe('the report of attributes', () => {
  it('finds a model that copies its training images', async () => {
    const samples = await data.train.read(all(data.test));
    const report = await attributeReport({ samples, judge: await oracle(), data });
    expect(report).toMatchObject({ accuracy: 1, unseen: { samples: 0, train: 0 }, nearest: { samples: 0 }, nearer: 1 });
    expect([...report.neighbour_N]).toEqual([...all(data.test)]);
    expect(report.found[0]).toMatchObject({
      class: 'thumbs',
      attributes: { 'thumbs.face': expect.any(String) as string },
    });
    expect(Object.keys(report.found[0]!.attributes)).not.toContain('open-peeps.face');
  });

  it('finds one that draws as the data do', async () => {
    const samples = await data.test.read(all(data.test));
    const report = await attributeReport({ samples, judge: await oracle(), data });
    expect(report.unseen.samples).toBe(report.unseenInTruth);
    expect(report.unseen.samples).toBeGreaterThan(0.5);
    expect(report.nearest.samples).toBe(report.nearest.test);
    expect(report.nearer).toBeLessThan(0.1);
    expect(report.spread).toBeGreaterThan(0);
    expect(report.spread).toBeLessThan(0.5);
  });

  it('refuses data and judges that do not fit', async () => {
    const judge = await oracle();
    const samples = new Float32Array(size);
    const { attributes, ...plain } = data;
    await expect(attributeReport({ samples, judge, data: plain })).rejects.toMatchObject({
      code: 'attributes-missing',
    });
    const other = { ...judge, attributes: attributes!.slice(1) };
    await expect(attributeReport({ samples, judge: other, data })).rejects.toMatchObject({ code: 'attributes-differ' });
  });
});

describe('the report of what inputs say', () => {
  it('tells images that show it from images of other inputs', async () => {
    const [judge, member_N] = [await oracle(), all(data.test)];
    const shown = await toldReport({ samples: await data.test.read(member_N), member_N, judge, data });
    expect(shown).toMatchObject({ told: 1, toldUnseen: 1, toldOfTestImages: 1, added: 0 });
    expect(shown!.toldByChance).toBeLessThan(0.6);
    expect(shown!.unseenInputs).toBeGreaterThan(0);
    expect(shown!.unseenInputs).toBeLessThan(1);
    expect(shown!.toldOf['open-peeps.clothingColor']).toBe(1);
    expect(Object.keys(shown!.toldOf)).not.toContain('open-peeps.face');
    const others = await data.test.read(member_N.map((member) => (member + 2) % data.test.count));
    const other = await toldReport({ samples: others, member_N, judge, data });
    expect(other).toMatchObject({ toldByChance: 1, toldOfTestImages: 1 });
    expect(other!.told).toBeLessThan(0.6);
    expect(other!.added).toBeGreaterThan(0);
    const { said, ...silent } = data;
    expect(said).toHaveLength(data.attributes!.length);
    expect(await toldReport({ samples: others, member_N, judge, data: silent })).toBeNull();
  });
});

describe('the judge of avatars that ships', () => {
  it('tells the styles and most attributes of avatars that it was not trained on', async () => {
    const recipe = { kind: 'avatars', perClass: 1, validation: 0, test: 12 };
    const avatars = await openData(dataFields.parse(recipe, 'x'), { folder: '.', seed: 0 });
    const network = await openShippedJudge('avatars-64');
    const engine = createEngine({ target: 'onnx' });
    const program = network.openAttributes(engine, avatars.image);
    expect(program.attributes).toEqual(avatars.attributes);
    const { test } = avatars;
    const { label_N, attribute_NA } = await program.run(await test.read(all(test)));
    expect(label_N).toEqual(test.label_N);
    const known = [...test.attribute_NA!.keys()].filter((at) => test.attribute_NA![at]! >= 0);
    const right = known.filter((at) => attribute_NA[at] === test.attribute_NA![at]);
    expect(right.length / known.length).toBeGreaterThan(0.88);
    program.dispose();
    network.dispose();
    engine.dispose();
  });
});

describe('what a judge learns of attributes', () => {
  it('is the mean cross-entropy of the attributes that the images have', () => {
    const { truth, loss } = attributeObjective(data.attributes!);
    const members = Int32Array.of(0, 1, 5);
    const { truth_BS } = truth(data.train, members);
    const logits = tf.randomNormal(truth_BS!.shape as [number, number], 0, 5, 'float32', 3) as Tensor2D;
    const rows = logits.arraySync();
    const losses = [...members].flatMap((member, row) => {
      let at = 0;
      return data.attributes!.flatMap(({ values }, a) => {
        const own = rows[row]!.slice(at, (at += values.length));
        const value = data.train.attribute_NA![member * data.attributes!.length + a]!;
        return value < 0 ? [] : [Math.log(own.reduce((sum, one) => sum + Math.exp(one), 0)) - own[value]!];
      });
    });
    const mean = losses.reduce((sum, one) => sum + one, 0) / losses.length;
    expect(loss(logits, truth_BS as Tensor2D).dataSync()[0]).toBeCloseTo(mean, 3);
  });

  it('is told of the class that is found alone', async () => {
    const of = data.attributes!;
    const config = { channels: 3, classes: 2, widths: [8, 8], attributes: { side: 8, of } };
    const weights = freshWeights(3);
    const facts = { name: 'fresh', sha256: '', licence: 'MIT', dispose: () => weights.dispose() };
    const network = judgeNetwork(openJudge(weights, config), facts);
    const engine = createEngine({ target: 'eager' });
    const program = network.openAttributes(engine, data.image);
    const { label_N, attribute_NA } = await program.run(await data.test.read(Int32Array.of(0, 1, 2)));
    for (const [n, found] of label_N.entries()) {
      for (const [a, { label, values }] of of.entries()) {
        const value = attribute_NA[n * of.length + a]!;
        expect(label === found ? value >= 0 && value < values.length : value === -1).toBe(true);
      }
    }
    const small = { ...data.image, height: 8 };
    expect(() => network.openAttributes(engine, small)).toThrow(/expected 16 x 16/);
    const plain = judgeNetwork(openJudge(freshWeights(3), { channels: 3, classes: 2, widths: [8, 8] }), facts);
    expect(() => plain.openAttributes(engine, data.image)).toThrow(/judge\.attributes = true/);
    program.dispose();
    network.dispose();
    engine.dispose();
  });
});
