import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint, toFloat32, writeSafetensors, type Checkpoint } from '@tessera/checkpoints';
import type { HeadPlugin } from '@tessera/core';
import { createEngine, type Engine } from '@tessera/engine';
import { isTesseraError } from '@tessera/errors';
import type { ModelManifest } from '../model.ts';
import { openModel } from '../open-model.ts';
import { builtInPlugins } from '../plugins.ts';
import { exportModel } from './export-model.ts';
import { importModel, type ImportRequest } from './import-model.ts';

/** A trainer's checkpoint of the official code: transformer, tokenizer and optimiser of a tiny model. */
const trainer = fileURLToPath(new URL('../../fixtures/ar-ckpt-last_micro.pth', import.meta.url));

let root: string;
let engine: Engine;
let source: Checkpoint;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tessera-import-'));
  engine = createEngine();
  source = await openCheckpoint(trainer);
});
afterAll(async () => {
  await source.close();
  engine.dispose();
  await rm(root, { recursive: true });
});

function request(out: string, more: Partial<ImportRequest> = {}): ImportRequest {
  return { engine, transformer: trainer, out: join(root, out), name: 'micro', ...more };
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

interface Change {
  readonly without?: string;
  readonly extra?: string;
}

/** A plain state dict of the trainer's transformer, with a change. */
async function stateDict({ without, extra }: Change): Promise<string> {
  const prefix = 'trainer.var_wo_ddp.';
  const path = join(root, 'changed.safetensors');
  const tensors = [...source.tensors.values()]
    .filter(({ name }) => name.startsWith(prefix) && name !== `${prefix}${without}`)
    .map(({ name, dtype, shape }) => ({
      name: name.slice(prefix.length),
      dtype,
      shape,
      bytes: () => source.read(name),
    }));
  await writeSafetensors(path, extra ? [...tensors, { ...tensors[0]!, name: extra }] : tensors);
  return path;
}

async function expectSame(path: string, prefix: string): Promise<void> {
  const file = await openCheckpoint(path);
  try {
    const names = [...source.tensors.keys()].filter((key) => key.startsWith(prefix));
    expect([...file.tensors.keys()].map((name) => prefix + name).sort()).toEqual(names.sort());
    for (const name of names) {
      const bare = name.slice(prefix.length);
      const { dtype, shape } = source.tensors.get(name)!;
      expect(file.tensors.get(bare), bare).toMatchObject({ dtype, shape });
      expect(Buffer.from(await file.read(bare)).equals(await source.read(name)), bare).toBe(true);
    }
  } finally {
    await file.close();
  }
}

describe('importing official VAR weights', () => {
  it('reads a trainer checkpoint and gives it back bit for bit', async () => {
    const manifest = await importModel(request('whole'));
    expect(manifest.backbone.config).toMatchObject({ classes: 5, depth: 2, width: 32, heads: 2, qkNorm: true });
    const { preview } = manifest.tokenizer.config as { preview: { weight: number[][]; bias: number[] } };
    expect([...preview.weight, preview.bias].map((row) => row.length)).toEqual([3, 3, 3, 3, 3]);
    expect(manifest.tokenizer.config).toMatchObject({ V: 32, Cvae: 4, ch: 32, ch_mult: [1], patch_nums: [1, 2, 4] });
    const files = await exportModel(join(root, 'whole'), join(root, 'exported'));
    await expectSame(files.transformer, 'trainer.var_wo_ddp.');
    await expectSame(files.tokenizer, 'trainer.vae_local.');
    const again = await importModel(request('again', { transformer: files.transformer, tokenizer: files.tokenizer }));
    expect(again).toEqual(manifest);
  });

  it('opens and generates, each image alone as in its batch', async () => {
    const manifest = await importModel(request('runs'));
    const tensors = tf.memory().numTensors;
    const model = await openModel(join(root, 'runs'), { engine });
    expect(model).toMatchObject({ name: 'micro', image: { height: 4, width: 4, channels: 3 } });
    expect(model.manifest).toEqual(manifest);
    const kinds: string[] = [];
    const images: Float32Array[] = [];
    for await (const event of model.generate({ labels: [1, 4], seed: 7 })) {
      kinds.push(event.type);
      if (event.type === 'step') expect(event.previews).toHaveLength(2);
      else images.push(event.pixels.data);
    }
    expect(kinds).toEqual(['step', 'step', 'step', 'image', 'image']);
    expect(images[0]).not.toEqual(images[1]);
    for await (const event of model.generate({ labels: [4], seed: 8, preview: 'none' })) {
      if (event.type !== 'image') expect(event.previews).toBeNull();
      else
        expect(Math.max(...event.pixels.data.map((value, i) => Math.abs(value - images[1]![i]!)))).toBeLessThan(1e-5);
    }
    model.dispose();
    expect(tf.memory().numTensors).toBe(tensors);
  });

  it('writes float16 within its precision', async () => {
    await importModel(request('half', { dtype: 'float16' }));
    const file = await openCheckpoint(join(root, 'half', 'backbone.safetensors'));
    const entry = file.tensors.get('blocks.0.ffn.fc1.weight')!;
    expect(entry.dtype).toBe('float16');
    const half = toFloat32(await file.read(entry.name), entry.dtype);
    const full = toFloat32(await source.read(`trainer.var_wo_ddp.${entry.name}`), 'float32');
    half.forEach((value, i) => expect(Math.abs(value - full[i]!)).toBeLessThan(Math.abs(full[i]!) / 2048 + 1e-7));
    await file.close();
    const model = await openModel(join(root, 'half'), { engine });
    model.dispose();
  });

  it.each([
    ['a missing tensor', { without: 'blocks.1.ffn.fc2.bias' }, 'weights-mismatch'],
    ['a tensor too many', { extra: 'extra' }, 'weights-mismatch'],
    ['no positions', { without: 'pos_1LC' }, 'state-missing'],
    ['no classes', { without: 'class_emb.weight' }, 'state-shape'],
    ['two transformers', { extra: 'ema.pos_1LC' }, 'state-ambiguous'],
  ])('refuses %s and leaves nothing behind', async (_, change, code) => {
    const transformer = await stateDict(change);
    expect(await codeOf(importModel(request('refused', { transformer, tokenizer: trainer })))).toBe(code);
    expect((await readdir(root)).filter((name) => name.includes('refused'))).toEqual([]);
  });

  it('refuses other scales than the weights have', async () => {
    const code = await codeOf(importModel(request('refused', { patchNums: [1, 2, 3] })));
    expect(code).toBe('weights-mismatch');
    expect(existsSync(join(root, 'refused'))).toBe(false);
  });
});

describe('opening a model folder', () => {
  let folder: string;
  beforeAll(async () => {
    await importModel(request('opened'));
    folder = join(root, 'opened');
  });

  async function altered(name: string, change: (manifest: ModelManifest, folder: string) => unknown): Promise<string> {
    const copy = join(root, name);
    await rm(copy, { recursive: true, force: true });
    await mkdir(copy);
    for (const file of await readdir(folder)) await writeFile(join(copy, file), await readFile(join(folder, file)));
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
  ] as const)('refuses a %s of %o in one sentence, at once', async (component, fields) => {
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
      ...builtInPlugins.heads[0]!,
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
    await expect(openModel(copy, { engine })).rejects.toThrow('Install @acme/tessera-gaussian');
  });

  it('checks requests before the first event', async () => {
    const model = await openModel(folder, { engine });
    const refused = (more: object): string => {
      try {
        model.generate({ labels: [0], seed: 0, ...more });
      } catch (error) {
        if (isTesseraError(error)) return error.code;
        throw error;
      }
      return 'accepted';
    };
    expect(refused({ labels: [] })).toBe('labels-empty');
    expect(refused({ labels: [5] })).toBe('label-out-of-range');
    expect(refused({ seed: -1 })).toBe('seed-out-of-range');
    expect(refused({ guidance: NaN })).toBe('guidance-out-of-range');
    expect(refused({ options: { topK: -1 } })).toBe('field-invalid');
    expect(refused({ options: { topQ: 1 } })).toBe('field-unknown');
    expect(refused({})).toBe('accepted');
    model.dispose();
    expect(refused({})).toBe('model-disposed');
  });
});
