import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint, toFloat32, writeSafetensors, type Checkpoint } from '@tessera/checkpoints';
import type { Engine } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { imagesOfClasses } from '@tessera/request';
import { openModel } from '../../model-folder.ts';
import { codeOf, expectSame } from '../../testing/official-files.ts';
import { exportModel } from '../export-model.ts';
import { importModel, type ImportRequest } from '../import-model.ts';

/** A trainer's checkpoint of the official code: transformer, tokenizer and optimiser of a tiny model. */
const trainer = fileURLToPath(new URL('../../../fixtures/ar-ckpt-last_micro.pth', import.meta.url));

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

describe('importing official VAR weights', () => {
  it('reads a trainer checkpoint and gives it back bit for bit', async () => {
    const { manifest, format, remarks } = await importModel(request('whole'));
    expect([format, remarks]).toEqual([
      'VAR',
      [
        'Assumed, since the files do not say: quant_resi 0.5 (--quant-resi), using_znorm false (--using-znorm), as in the official code.',
        'Assumed, since the files do not say: groups 32 (--groups), as in the official code.',
      ],
    ]);
    expect(manifest.backbone.config).toMatchObject({ classes: 5, depth: 2, width: 32, heads: 2, qkNorm: true });
    const { preview } = manifest.tokenizer.config as { preview: { weight: number[][]; bias: number[] } };
    expect([...preview.weight, preview.bias].map((row) => row.length)).toEqual([3, 3, 3, 3, 3]);
    expect(manifest.tokenizer.config).toMatchObject({ V: 32, Cvae: 4, ch: 32, ch_mult: [1], patch_nums: [1, 2, 4] });
    const files = await exportModel(join(root, 'whole'), join(root, 'exported'));
    await expectSame(files.transformer, { source, prefix: 'trainer.var_wo_ddp.' });
    await expectSame(files.tokenizer, { source, prefix: 'trainer.vae_local.' });
    const { manifest: again } = await importModel(
      request('again', { transformer: files.transformer, tokenizer: files.tokenizer }),
    );
    expect(again).toEqual(manifest);
  });

  it('opens and generates, each image alone as in its batch', async () => {
    const { manifest } = await importModel(request('runs'));
    const tensors = tf.memory().numTensors;
    const model = await openModel(join(root, 'runs'), { engine });
    expect(model).toMatchObject({ name: 'micro', image: { height: 4, width: 4, channels: 3 } });
    expect(model.manifest).toEqual(manifest);
    const kinds: string[] = [];
    const images: Float32Array[] = [];
    for await (const event of model.generate({ images: imagesOfClasses([1, 4]), seed: 7 })) {
      kinds.push(event.type);
      if (event.type === 'step') expect(event.previews).toHaveLength(2);
      else images.push(event.pixels.data);
    }
    expect(kinds).toEqual(['step', 'step', 'step', 'image', 'image']);
    expect(images[0]).not.toEqual(images[1]);
    for await (const event of model.generate({ images: imagesOfClasses([4]), seed: 8, preview: 'none' })) {
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
    const half = toFloat32(await file.read(entry.name), entry.dtype, { who: 'half', name: entry.name });
    const full = toFloat32(await source.read(`trainer.var_wo_ddp.${entry.name}`), 'float32', {
      who: 'full',
      name: entry.name,
    });
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
    ['two transformers', { extra: 'other.pos_1LC' }, 'state-ambiguous'],
  ])('refuses %s and leaves nothing behind', async (_, change, code) => {
    const transformer = await stateDict(change);
    expect(await codeOf(importModel(request('refused', { transformer, tokenizer: trainer })))).toBe(code);
    expect((await readdir(root)).filter((name) => name.includes('refused'))).toEqual([]);
  });

  it('refuses other scales than the weights have', async () => {
    const code = await codeOf(importModel(request('refused', { hints: { patchNums: [1, 2, 3] } })));
    expect(code).toBe('weights-mismatch');
    expect(existsSync(join(root, 'refused'))).toBe(false);
  });
});
