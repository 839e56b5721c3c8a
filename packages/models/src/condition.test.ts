import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { openCheckpoint } from '@tessera/checkpoints';
import type { Condition, ConditionPlugin } from '@tessera/core';
import { tensorFrom } from '@tessera/engine';
import { defineCondition } from '@tessera/plugin-kit';
import { schema } from '@tessera/schema';
import { createEngine } from '@tessera/targets';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { smallMar, writeSmallMar } from '../fixtures/small-mar.ts';
import type { ModelManifest } from './manifest.ts';
import type { Model } from './model.ts';
import { openModel } from './model-folder.ts';
import { quantizeModel } from './quantize-model.ts';

/* A model whose condition is no class, from its folder to its images. */

/** A shade from 0 to 1, as a vector and as a sequence of two. */
const shade = defineCondition({
  contract: 2,
  name: '@acme/shade',
  config: schema.object({}),
  describe: () => ({ forms: ['sequence', 'vector'], classes: null }),
  input: () => schema.object({ shade: schema.number({ min: 0, max: 1 }) }),
  build: (_config, { width: D }, { weights }) => {
    const init = { kind: 'normal', std: 1 } as const;
    const table_2D = weights.param('table', [2, D], { init, decay: true }) as Tensor2D;
    return {
      axes: { shade_R: 'R' },
      encode: (values) => ({
        shade_R: tensorFrom(
          values.map((value) => value?.shade ?? -1),
          [values.length],
        ),
      }),
      embed: ({ shade_R }, dropped_R) => {
        const kept_R = dropped_R ? tf.where(dropped_R, tf.neg(tf.onesLike(shade_R!)), shade_R!) : shade_R!;
        const values_RSD = tf.mul(tf.reshape(kept_R, [-1, 1, 1]), tf.expandDims(table_2D, 0)) as Tensor3D;
        const counts_RS = tf.onesLike(tf.reshape(tf.stack([kept_R, kept_R], 1), [-1, 2])) as Tensor2D;
        return { sequence: { values_RSD, counts_RS }, vector_RD: tf.sum(values_RSD, 1) as Tensor2D };
      },
      dispose: () => undefined,
    };
  },
}) as ConditionPlugin;

const masked = { ...(smallMar.backbone.config as object), classes: undefined };
const own = { classes: [], condition: { plugin: '@acme/shade', config: {} } };
const mar: ModelManifest = {
  ...smallMar,
  ...own,
  backbone: { plugin: 'masked-encoder-decoder', config: { ...masked, attends: true } },
};
const next: ModelManifest = {
  ...smallMar,
  ...own,
  tokenizer: {
    plugin: 'vq',
    config: { V: 64, Cvae: 4, ch: 4, ch_mult: [1, 1], num_res_blocks: 1, patch_nums: [1, 2, 4], groups: 2 },
  },
  order: { plugin: 'next-scale', config: {} },
  backbone: { plugin: 'next-scale-transformer', config: { attends: true, depth: 2, width: 16, heads: 2 } },
  head: { plugin: 'categorical', config: {} },
  defaults: { guidance: { kind: 'ramp', scale: 1 }, options: {}, preview: 'none' },
};

const engine = createEngine({ target: 'onnx', threads: 1 });
const plugins = { conditions: [shade] };
let root: string;
beforeAll(async () => void (root = await mkdtemp(join(tmpdir(), 'tessera-condition-'))));
afterAll(async () => {
  engine.dispose();
  await rm(root, { recursive: true });
});

const say = (value: number): Condition => ({ kind: 'input', input: { shade: value } });
const nothing: Condition = { kind: 'none' };

async function pictures(model: Model, conditions: readonly Condition[], seed = 1): Promise<string[]> {
  const made: string[] = [];
  const images = conditions.map((condition) => ({ condition, seed }));
  for await (const event of model.generate({ images, seed: 0 })) {
    if (event.type === 'image') made.push(String(event.pixels.data));
  }
  return made;
}

describe.each([
  ['VAR', next],
  ['MAR', mar],
])('a %s with a condition of another package', (name, manifest) => {
  let folder: string;
  let model: Model;
  beforeAll(async () => {
    folder = join(root, name);
    await writeSmallMar(folder, manifest, plugins);
    model = await openModel(folder, { engine, plugins });
  });
  afterAll(() => model.dispose());

  it('keeps its weights among those of the backbone, and says what it reads', async () => {
    const file = await openCheckpoint(join(folder, 'backbone.safetensors'));
    const names = [...file.tensors.keys()];
    await file.close();
    expect(names).toContain('condition.table');
    expect(names.some((one) => one.includes('.cross.query.'))).toBe(true);
    expect(model.condition.classes).toBeNull();
    expect(model.condition.input.json.properties).toHaveProperty('shade');
  });

  it('draws what each image says, the same alone and beside others', async () => {
    const conditions = [say(0), say(1), nothing];
    const together = await pictures(model, conditions);
    expect(new Set(together).size).toBe(3);
    for (const [row, condition] of conditions.entries()) {
      expect(await pictures(model, [condition])).toEqual([together[row]]);
    }
  });

  it('refuses a class, and what its schema refuses', () => {
    const ask = (condition: Condition) => () => model.check({ images: [{ condition }], seed: 0 });
    expect(ask({ kind: 'class', label: 0 })).toThrow(expect.objectContaining({ code: 'condition-kind' }));
    expect(ask(say(2))).toThrow(expect.objectContaining({ code: 'field-invalid' }));
  });

  it('is not opened without that package, which it names', async () => {
    await expect(openModel(folder, { engine })).rejects.toThrow('"@acme/shade" among its conditions');
  });

  it('can be stored in 8 bits', async () => {
    const int8 = createEngine({ target: 'onnx', threads: 1, precision: 'int8' });
    const small = join(root, `${name}-int8`);
    await quantizeModel(folder, small, { engine: int8, plugins });
    const opened = await openModel(small, { engine: int8, plugins });
    expect(new Set(await pictures(opened, [say(0), say(1)])).size).toBe(2);
    opened.dispose();
    int8.dispose();
  });
});
