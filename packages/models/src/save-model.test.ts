import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compose } from '@tessera/core';
import { createEngine } from '@tessera/targets';
import { imagesOfClasses } from '@tessera/request';
import { freshWeights, savedTensors, type SavedTensor } from './weight-files.ts';
import type { ModelManifest } from './manifest.ts';
import { openModel } from './model-folder.ts';
import { resolveParts } from './plugins/built-in.ts';
import { saveModel } from './save-model.ts';

const manifest: ModelManifest = {
  format: 'tessera-model',
  version: 1,
  name: 'tiny',
  title: 'Tiny',
  description: 'Untrained',
  licence: 'MIT',
  data: 'none',
  classes: ['a', 'b'],
  tokenizer: {
    plugin: 'vq',
    config: { V: 8, Cvae: 4, ch: 4, ch_mult: [1], num_res_blocks: 1, patch_nums: [1, 2], groups: 2 },
  },
  order: { plugin: 'next-scale', config: {} },
  backbone: { plugin: 'next-scale-transformer', config: { classes: 2, depth: 1, width: 8, heads: 2 } },
  head: { plugin: 'categorical', config: {} },
  defaults: { guidance: { kind: 'ramp', scale: 1 }, options: {}, preview: 'none' },
};

let root: string;
beforeEach(async () => void (root = await mkdtemp(join(tmpdir(), 'tessera-save-'))));
afterEach(() => rm(root, { recursive: true }));

function tensor(name: string, value: number): SavedTensor {
  return { name, shape: [1], values: () => Float32Array.of(value) };
}

const toy = { tokenizer: [tensor('t', 1)], backbone: [tensor('b', 2)], head: [tensor('h', 3)] };

describe('saving a model folder', () => {
  it('saves what was built for training, and opens it', async () => {
    const before = tf.memory().numTensors;
    const engine = createEngine();
    const weights = { tokenizer: freshWeights(1), backbone: freshWeights(2), head: freshWeights(3) };
    const parts = compose(resolveParts(manifest, 'test'), { engine, weights });
    const tensors = {
      tokenizer: [...savedTensors(weights.tokenizer), { ...tensor('quantize.ema_vocab_hit_SV', 0), buffer: true }],
      backbone: savedTensors(weights.backbone),
      head: savedTensors(weights.head),
    };
    const folder = join(root, 'tiny');
    await saveModel(folder, { manifest, tensors, dtype: 'float32' });
    for (const part of [parts.tokenizer, parts.backbone, parts.head]) part.dispose();
    const model = await openModel(folder, { engine });
    const count = Object.values(weights).flatMap(({ params }) => params);
    expect(model.parameters).toBe(count.reduce((sum, { variable }) => sum + variable.size, 0));
    const events: string[] = [];
    for await (const { type } of model.generate({ images: imagesOfClasses([1]), seed: 0 })) events.push(type);
    expect(events).toEqual(['step', 'step', 'image']);
    model.dispose();
    for (const one of Object.values(weights)) one.dispose();
    engine.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('replaces a model and keeps what lies beside it', async () => {
    const folder = join(root, 'toy');
    await saveModel(folder, { manifest, tensors: toy, dtype: 'float32' });
    await writeFile(join(folder, 'README.md'), 'card');
    const first = await readFile(join(folder, 'head.safetensors'));
    await saveModel(folder, { manifest, tensors: { ...toy, head: [tensor('h', 4)] }, dtype: 'float32' });
    expect(await readFile(join(folder, 'README.md'), 'utf8')).toBe('card');
    expect((await readFile(join(folder, 'head.safetensors'))).equals(first)).toBe(false);
    expect(await readdir(root)).toEqual(['toy']);
  });

  it('leaves everything as it was when it fails', async () => {
    const folder = join(root, 'toy');
    await saveModel(folder, { manifest, tensors: toy, dtype: 'float32' });
    const before = await readFile(join(folder, 'model.json'), 'utf8');
    const failing = { ...tensor('b', 2), values: () => Promise.reject(new Error('out of luck')) };
    const tensors = { ...toy, backbone: [failing] };
    await expect(saveModel(folder, { manifest, tensors, dtype: 'float32' })).rejects.toThrow('out of luck');
    await expect(saveModel(join(root, 'new'), { manifest, tensors, dtype: 'float32' })).rejects.toThrow('out of luck');
    const nameless = { ...manifest, name: 7 } as unknown as ModelManifest;
    await expect(saveModel(folder, { manifest: nameless, tensors: toy, dtype: 'float32' })).rejects.toThrow('name');
    expect(await readFile(join(folder, 'model.json'), 'utf8')).toBe(before);
    expect(await readdir(root)).toEqual(['toy']);
  });
});
