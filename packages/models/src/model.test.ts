import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HeadPlugin } from '@tessera/core';
import { schema } from '@tessera/schema';
import type { Engine } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { isTesseraError } from '@tessera/errors';
import { imagesOfClasses, type ModelRequest } from '@tessera/request';
import { smallMar, writeSmallMar } from '../fixtures/small-mar.ts';
import { importModel } from './formats/import-model.ts';
import type { ModelManifest } from './manifest.ts';
import { openModel } from './model-folder.ts';
import { builtInPlugins } from './plugins/built-in.ts';

/** A trainer's checkpoint of the official code: transformer, tokenizer and optimiser of a tiny model. */
const transformer = fileURLToPath(new URL('../fixtures/ar-ckpt-last_micro.pth', import.meta.url));

let root: string;
let engine: Engine;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tessera-open-'));
  engine = createEngine();
});
afterAll(async () => {
  engine.dispose();
  await rm(root, { recursive: true });
});

function headNamed(name: string): HeadPlugin {
  return builtInPlugins.heads.find((head) => head.name === name)!;
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (isTesseraError(error)) return error.code;
    throw error;
  }
  return 'accepted';
}

describe('opening a model folder', () => {
  let folder: string;
  beforeAll(async () => {
    folder = join(root, 'opened');
    await importModel({ engine, transformer, out: folder, name: 'micro' });
  });

  async function altered(name: string, change: (manifest: ModelManifest, folder: string) => unknown): Promise<string> {
    const copy = join(root, name);
    await rm(copy, { recursive: true, force: true });
    await cp(folder, copy, { recursive: true });
    const manifest = JSON.parse(await readFile(join(copy, 'model.json'), 'utf8')) as ModelManifest;
    await change(manifest, copy);
    await writeFile(join(copy, 'model.json'), JSON.stringify(manifest));
    return copy;
  }

  function set(object: object, values: object): void {
    Object.assign(object, values);
  }

  it.each([
    ['an unknown plug-in', 'plugin-unknown', (m: ModelManifest) => set(m.head, { plugin: '@acme/gaussian' })],
    ['classes without names', 'classes-mismatch', (m: ModelManifest) => set(m, { classes: ['one'] })],
    [
      'a config of another type',
      'field-invalid',
      (m: ModelManifest) => set(m.backbone.config as object, { width: '32' }),
    ],
    ['no weights', 'weights-missing', (m: ModelManifest) => delete (m.head as { weights?: unknown }).weights],
    ['a missing file', 'weights-missing', (_: ModelManifest, at: string) => rm(join(at, 'head.safetensors'))],
    [
      'an altered file',
      'weights-altered',
      async (_: ModelManifest, at: string) => {
        const path = join(at, 'head.safetensors');
        const bytes = await readFile(path);
        bytes[bytes.length - 1]! ^= 1;
        await writeFile(path, bytes);
      },
    ],
    [
      'a pointer of Git LFS in place of a file',
      'checkpoint-format-unknown',
      (_: ModelManifest, at: string) =>
        writeFile(join(at, 'head.safetensors'), 'version https://git-lfs.github.com/spec/v1\nsize 5\n'),
    ],
    [
      'weights of another configuration',
      'weights-mismatch',
      (m: ModelManifest) => set(m.backbone.config as object, { depth: 3 }),
    ],
    ['a file left over', 'weights-mismatch', (m: ModelManifest) => set(m.backbone.config as object, { depth: 1 })],
  ])('refuses %s: %s', async (_, code, change) => {
    const before = tf.memory().numTensors;
    expect(await codeOf(openModel(await altered('altered', change), { engine }))).toBe(code);
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each([
    ['tokenizer', { V: 1e12 }],
    ['tokenizer', { V: 1e8 }],
    ['tokenizer', { V: 2 ** 20 }],
    ['tokenizer', { ch: 1_600_000 }],
    ['tokenizer', { ch: 4096 }],
    ['tokenizer', { num_res_blocks: 1e8 }],
    ['tokenizer', { num_res_blocks: 64 }],
    ['tokenizer', { ch_mult: new Array(100_000).fill(1) }],
    ['tokenizer', { ch_mult: new Array(12).fill(64) }],
    ['tokenizer', { patch_nums: new Array(100_000).fill(1) }],
    ['tokenizer', { patch_nums: new Array(64).fill(1024) }],
    ['tokenizer', { share_quant_resi: 1e9 }],
    ['tokenizer', { groups: 1e15 }],
    ['backbone', { width: 1e9 }],
    ['backbone', { width: 65536 }],
    ['backbone', { depth: 1e8 }],
    ['backbone', { depth: 512 }],
    ['backbone', { heads: 1e9 }],
    ['backbone', { classes: 1e12 }],
    ['backbone', { mlpRatio: 1e300 }],
  ] as const)('refuses a vast %s at once, in one sentence (%#)', async (component, fields) => {
    const before = tf.memory().numTensors;
    const copy = await altered('vast', (m) => set(m[component].config as object, fields));
    const start = performance.now();
    const error: unknown = await openModel(copy, { engine }).catch((reason: unknown) => reason);
    expect(performance.now() - start).toBeLessThan(1000);
    expect(isTesseraError(error) && error.code).toMatch(/^(field-invalid|weights-mismatch)$/);
    expect((error as Error).message.length).toBeLessThan(1000);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('names misfits also where a plug-in computes with them while it is built', async () => {
    const before = tf.memory().numTensors;
    const eager: HeadPlugin = {
      ...headNamed('categorical'),
      build: (_config, _dims, { weights }) => {
        const spec = { init: { kind: 'zeros' }, decay: false } as const;
        throw new Error(`${weights.param('head.scale', [1e6, 1e6], spec).dataSync().length} numbers`);
      },
    };
    const opened = openModel(folder, { engine, plugins: { heads: [eager] } });
    await expect(opened).rejects.toMatchObject({ code: 'weights-mismatch' });
    await expect(opened).rejects.toThrow('head.scale missing');
    expect(tf.memory().numTensors).toBe(before);
  });

  it('names the package of an unknown plug-in', async () => {
    const copy = await altered('plugin', (m) => set(m.head, { plugin: 'gaussian', package: '@acme/tessera-gaussian' }));
    await expect(openModel(copy, { engine })).rejects.toThrow('Run tessera plugins add @acme/tessera-gaussian');
  });

  it('checks requests before the first event', async () => {
    const model = await openModel(folder, { engine });
    const refused = (more: object): string => {
      try {
        model.generate({ images: imagesOfClasses([0]), seed: 0, ...more });
      } catch (error) {
        if (isTesseraError(error)) return error.code;
        throw error;
      }
      return 'accepted';
    };
    expect(refused({ images: imagesOfClasses([]) })).toBe('images-empty');
    expect(refused({ images: imagesOfClasses([5]) })).toBe('label-out-of-range');
    expect(refused({ seed: -1 })).toBe('seed-out-of-range');
    expect(refused({ guidance: NaN })).toBe('guidance-out-of-range');
    expect(refused({ options: { topK: -1 } })).toBe('field-invalid');
    expect(refused({ options: { topQ: 1 } })).toBe('option-unknown');
    expect(refused({})).toBe('accepted');
    model.dispose();
    expect(refused({})).toBe('model-disposed');
  });
});

describe('options of an open model', () => {
  let folder: string;
  beforeAll(async () => {
    folder = join(root, 'small-mar');
    await writeSmallMar(folder);
  });

  it('are those of order, head and loop, with the defaults of the model', async () => {
    const model = await openModel(folder, { engine });
    const { properties } = model.options;
    expect(Object.keys(properties!)).toEqual([
      ...['steps', 'restSteps', 'temperature', 'respacing', 'lateSteps'],
      ...['guidanceFrom', 'guidanceUntil'],
    ]);
    expect(properties!['steps']).toMatchObject({ type: 'integer', minimum: 1, maximum: 64, default: 6 });
    expect(properties!['temperature']).toMatchObject({ default: 0.9 });
    expect(properties!['respacing']).toMatchObject({ default: '8,0' });
    expect(model.layout).toEqual({ length: 64, scales: [{ start: 0, height: 8, width: 8 }] });
    model.dispose();
  });

  it('take the model’s own defaults where a request says nothing', async () => {
    const model = await openModel(folder, { engine });
    const bytes = async (options: ModelRequest['options']) => {
      for await (const event of model.generate({
        images: imagesOfClasses([1]),
        seed: 3,
        ...(options && { options }),
      })) {
        if (event.type === 'image') return [...event.pixels.data];
      }
      throw new Error('no image');
    };
    const plain = await bytes(undefined);
    expect(await bytes({ ...smallMar.defaults.options })).toEqual(plain);
    expect(await bytes({ temperature: 0.9 })).toEqual(plain);
    expect(await bytes({ temperature: 0.5 })).not.toEqual(plain);
    model.dispose();
  });

  it.each([
    [{ temprature: 1 }, 'option-unknown', 'Did you mean temperature?'],
    [{ steps: 65 }, 'steps-above-tokens', 'at most 64, the number of tokens'],
    [{ steps: 0 }, 'field-invalid', 'steps'],
    [{ temperature: 0 }, 'temperature-out-of-range', 'above 0'],
    [{ respacing: '2000' }, 'respacing-misfit', 'respacing'],
  ])('refuse %j: %s', async (options, code, words) => {
    const model = await openModel(folder, { engine });
    let refusal: unknown;
    try {
      model.generate({ images: imagesOfClasses([0]), seed: 0, options });
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toMatchObject({ code });
    expect((refusal as Error).message).toContain(words);
    model.dispose();
  });

  it('are asked of parts that can speak of the same tokens', async () => {
    const manifest = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8')) as ModelManifest;
    const copy = join(root, 'space');
    await cp(folder, copy, { recursive: true });
    await writeFile(
      join(copy, 'model.json'),
      JSON.stringify({ ...manifest, head: { plugin: 'categorical', config: {} } }),
    );
    const opened = openModel(copy, { engine });
    await expect(opened).rejects.toMatchObject({ code: 'space-mismatch' });
    await expect(opened).rejects.toThrow(/head categorical, which scores.*continuous tokens of the tokenizer kl/);
  });

  it('have one owner each', async () => {
    const options = schema.object({ steps: schema.optional(schema.integer({ min: 1 }), 1) });
    const head: HeadPlugin = { ...headNamed('diffusion'), options: () => options };
    const opened = openModel(folder, { engine, plugins: { heads: [head] } });
    await expect(opened).rejects.toMatchObject({ code: 'option-twice' });
    await expect(opened).rejects.toThrow('an option steps of both the order random-sets and the head diffusion');
  });
});
