import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint, writeSafetensors, type Checkpoint, type WritableTensor } from '@tessera/checkpoints';
import type { Engine } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { imagesOfClasses } from '@tessera/request';
import { openModel } from '../../model-folder.ts';
import { codeOf, expectSame } from '../../testing/official-files.ts';
import { exportModel } from '../export-model.ts';
import { importModel, type ImportRequest } from '../import-model.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../../../fixtures/${name}`, import.meta.url));
/** The official trainer's checkpoint of a tiny model: weights, their running average, optimiser and arguments. */
const trainer = fixture('checkpoint-last_micro.pth');
/** A KL-VAE as LDM's code saves it, with a leftover of its training. */
const vae = fixture('kl16_micro.ckpt');
/** What neither file tells of models this small. */
const hints = { heads: 2, latentScale: 0.5 };

const assumedGroups = 'Assumed, since the files do not say: groups 32 (--groups), as in the official code.';

let root: string;
let engine: Engine;
let generator: Checkpoint;
let tokenizer: Checkpoint;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tessera-mar-'));
  engine = createEngine();
  generator = await openCheckpoint(trainer);
  tokenizer = await openCheckpoint(vae);
});
afterAll(async () => {
  await generator.close();
  await tokenizer.close();
  engine.dispose();
  await rm(root, { recursive: true });
});

function request(out: string, more: Partial<ImportRequest> = {}): ImportRequest {
  return { engine, transformer: trainer, tokenizer: vae, out: join(root, out), name: 'micro', hints, ...more };
}

type Edit = (tensor: WritableTensor) => readonly WritableTensor[];

/** A safetensors file of a checkpoint's tensors, edited one by one. */
async function rewritten(name: string, source: Checkpoint, edit: Edit): Promise<string> {
  const path = join(root, name);
  const tensors = [...source.tensors.values()].flatMap((entry) => {
    return edit({ name: entry.name, dtype: entry.dtype, shape: entry.shape, bytes: () => source.read(entry.name) });
  });
  await writeSafetensors(path, tensors, {});
  return path;
}

/** The tensors under a prefix, under another one; some of them changed. */
function under(prefix: string, to: string, change: (name: string) => readonly string[] = (name) => [name]): Edit {
  return (tensor) => {
    if (!tensor.name.startsWith(prefix)) return [];
    return change(tensor.name.slice(prefix.length)).map((name) => ({ ...tensor, name: to + name }));
  };
}

describe('importing official MAR weights', () => {
  it('reads a trainer checkpoint and gives its averaged weights back bit for bit', async () => {
    const before = tf.memory().numTensors;
    const { manifest, format, remarks } = await importModel(request('whole'));
    expect(tf.memory().numTensors).toBe(before);
    expect([format, remarks]).toEqual(['MAR', [assumedGroups]]);
    expect(manifest.backbone.config).toEqual({
      attends: false,
      map: false,
      classes: 5,
      encoder: { depth: 1, width: 32, heads: 2 },
      decoder: { depth: 1, width: 32, heads: 2 },
      buffer: 2,
      mlpRatio: 4,
      dropout: 0.1,
    });
    expect(manifest.head.config).toMatchObject({ blocks: 1, width: 32 });
    expect(manifest.tokenizer.config).toMatchObject({
      z_channels: 4,
      ch: 32,
      ch_mult: [1],
      num_res_blocks: 1,
      resolution: 4,
      attn_resolutions: [4],
      patch_size: 1,
      latentScale: 0.5,
    });
    expect(manifest.tokenizer.config).toHaveProperty('preview.weight.length', 4);
    expect(manifest.defaults).toEqual({
      guidance: { kind: 'linear', scale: 3 },
      options: { steps: 16, temperature: 1, respacing: '100' },
      preview: 'linear',
    });
    const files = await exportModel(join(root, 'whole'), join(root, 'exported'));
    expect(files).toEqual({
      transformer: join(root, 'exported', 'mar.safetensors'),
      tokenizer: join(root, 'exported', 'kl.safetensors'),
    });
    await expectSame(files.transformer, { source: generator, prefix: 'model_ema.' });
    await expectSame(files.tokenizer, {
      source: tokenizer,
      prefix: 'model.',
      leftOut: (name) => name.startsWith('loss.'),
    });
  });

  it('exports what it needs to give the same model again, without any hints', async () => {
    const named = { title: 'Tiny', licence: 'CC0', classes: ['a', 'b', 'c', 'd', 'e'] };
    const { manifest } = await importModel(request('first', named));
    const files = await exportModel(join(root, 'first'), join(root, 'exported-first'));
    const again = await importModel(request('again', { ...files, hints: {} }));
    expect(again).toEqual({ manifest, format: 'MAR', remarks: [] });
  });

  it('takes plain weights when told to', async () => {
    await importModel(request('plain', { weights: 'model' }));
    const files = await exportModel(join(root, 'plain'), join(root, 'exported-plain'));
    await expectSame(files.transformer, { source: generator, prefix: 'model.' });
  });

  it('falls back to plain weights with a remark, but not when averaged ones were asked for', async () => {
    const transformer = await rewritten('plain.safetensors', generator, under('model.', ''));
    const { remarks } = await importModel(request('fallback', { transformer }));
    expect(remarks).toEqual([
      `${transformer} holds no averaged (EMA) weights: the plain ones were taken.`,
      assumedGroups,
    ]);
    expect(await codeOf(importModel(request('refused', { transformer, weights: 'ema' })))).toBe('ema-missing');
    const averaged = await rewritten('ema.safetensors', generator, under('model_ema.', 'model_ema.'));
    expect(await codeOf(importModel(request('refused', { transformer: averaged, weights: 'model' })))).toBe(
      'plain-missing',
    );
  });

  it('opens and generates', async () => {
    await importModel(request('runs'));
    const tensors = tf.memory().numTensors;
    const model = await openModel(join(root, 'runs'), { engine });
    expect(model).toMatchObject({ image: { height: 4, width: 4, channels: 3 }, layout: { length: 16 } });
    expect(model.space).toEqual({ kind: 'continuous', channels: 4 });
    const kinds: string[] = [];
    // The first half of the chain alone: weights that were never trained explode in the other.
    const options = { steps: 3, respacing: '4,0' };
    for await (const event of model.generate({ images: imagesOfClasses([1, 4]), seed: 7, options })) {
      kinds.push(event.type);
      if (event.type === 'step') expect(event.previews).toHaveLength(2);
      else expect(event.pixels.data.every(Number.isFinite)).toBe(true);
    }
    expect(kinds).toEqual(['step', 'step', 'step', 'image', 'image']);
    model.dispose();
    expect(tf.memory().numTensors).toBe(tensors);
  });

  it.each([
    ['a missing tensor', (name: string) => (name === 'decoder_norm.bias' ? [] : [name]), 'weights-mismatch'],
    ['a tensor too many', (name: string) => (name === 'mask_token' ? [name, 'extra'] : [name]), 'weights-mismatch'],
    ['another model', (name: string) => (name.startsWith('diffusion_') ? [] : [name]), 'state-missing'],
    ['no classes', (name: string) => (name === 'class_emb.weight' ? [] : [name]), 'state-shape'],
  ])('refuses %s and leaves nothing behind', async (_, change, code) => {
    const transformer = await rewritten('changed.safetensors', generator, under('model.', '', change));
    expect(await codeOf(importModel(request('refused', { transformer })))).toBe(code);
    expect((await readdir(root)).filter((name) => name.includes('refused'))).toEqual([]);
  });

  it('names what is left over in the tokenizer, other than of its training', async () => {
    const other = await rewritten('vae.safetensors', tokenizer, (tensor) =>
      tensor.name.endsWith('post_quant_conv.bias') ? [tensor, { ...tensor, name: 'model.extra.bias' }] : [tensor],
    );
    await expect(importModel(request('refused', { tokenizer: other }))).rejects.toThrow('extra.bias left over');
  });

  it.each([
    ['heads', { latentScale: 1 }, 'heads-unknown'],
    ['heads that do not divide the width', { heads: 3, latentScale: 1 }, 'field-invalid'],
    ['a latent scale', { heads: 2 }, 'latent-scale'],
    ['a latent scale above zero', { heads: 2, latentScale: 0 }, 'latent-scale'],
    ['the right patch size', { ...hints, patchSize: 2 }, 'patch-mismatch'],
    ['hints of its own family', { ...hints, patchNums: [1, 2, 4] }, 'hint-unknown'],
  ])('asks for %s', async (_, other, code) => {
    expect(await codeOf(importModel(request('refused', { hints: other })))).toBe(code);
  });

  it('asks for the tokenizer', async () => {
    const alone = { engine, transformer: trainer, out: join(root, 'refused'), name: 'micro', hints };
    expect(await codeOf(importModel(alone))).toBe('state-missing');
  });
});
