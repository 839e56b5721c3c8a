import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint, toFloat32 } from '@tessera/checkpoints';
import { openTrainer, type Edit, type RewrittenTrainer } from '../../testing/rewritten-trainer.ts';
import { importModel, type ImportRequest } from '../import-model.ts';

let root: string;
let request: RewrittenTrainer['request'];
let written: RewrittenTrainer['written'];
let dispose: RewrittenTrainer['dispose'];
beforeAll(async () => void ({ root, request, written, dispose } = await openTrainer()));
afterAll(() => dispose());

async function sidesOf(more: Partial<ImportRequest>): Promise<unknown> {
  const { manifest } = await importModel(request(more));
  return (manifest.tokenizer.config as { patch_nums: unknown }).patch_nums;
}

const withoutLevels: Edit = (tensor) => (tensor.name === 'lvl_1L' ? null : tensor);

describe('weights that cannot be used', () => {
  const spoiled = (at: string, value: number): Edit => {
    return (tensor) => {
      if (tensor.name !== at) return tensor;
      const bytes = async () => {
        const values = new Float32Array(((await tensor.bytes()) as Uint8Array<ArrayBuffer>).slice().buffer);
        values[1] = value;
        return new Uint8Array(values.buffer);
      };
      return { ...tensor, bytes };
    };
  };

  it.each([
    [
      'beyond a half',
      70000,
      'float16',
      'number-out-of-range',
      'head.bias[1] = 70000; expected numbers of at most 65504',
    ],
    ['of NaN', NaN, 'float32', 'weights-not-finite', 'head.bias[1] = NaN'],
    ['of infinity', -Infinity, 'float16', 'weights-not-finite', 'head.bias[1] = -Infinity'],
  ] as const)('%s are named with their file, and nothing stays behind', async (_, value, dtype, code, words) => {
    const transformer = await written({ edit: spoiled('head.bias', value) });
    const out = join(root, 'refused');
    await expect(importModel(request({ transformer, dtype, out }))).rejects.toMatchObject({
      code,
      message: expect.stringContaining(`[${transformer}] got ${words}`) as string,
    });
    expect((await readdir(root)).filter((name) => name.includes('refused'))).toEqual([]);
  });

  it('beyond a half are imported as float32', async () => {
    const transformer = await written({ edit: spoiled('head.bias', 70000) });
    await importModel(request({ transformer }));
  });

  it('of NaN in the tokenizer are named before anything is decoded', async () => {
    const edit = spoiled('decoder.conv_out.bias', NaN);
    const tokenizer = await written({ prefix: 'trainer.vae_local.', edit });
    await expect(importModel(request({ tokenizer }))).rejects.toThrow(
      `[${tokenizer}] got decoder.conv_out.bias[1] = NaN; expected finite numbers`,
    );
  });

  it('that are finite and decode to NaN are told so', async () => {
    const edit = spoiled('decoder.norm_out.weight', 3e38);
    const tokenizer = await written({ prefix: 'trainer.vae_local.', edit });
    await expect(importModel(request({ tokenizer }))).rejects.toMatchObject({ code: 'preview-not-finite' });
  });

  it.each([
    ['float32', spoiled('quantize.ema_vocab_hit_SV', 1e6)],
    [
      'int64',
      (tensor) => {
        if (tensor.name !== 'quantize.ema_vocab_hit_SV') return tensor;
        const counts = new BigInt64Array(tensor.shape[0]! * tensor.shape[1]!).fill(1_000_000n);
        return { ...tensor, dtype: 'int64', bytes: () => new Uint8Array(counts.buffer) };
      },
    ],
  ] as readonly (readonly [string, Edit])[])('do not include counts: they are kept, of %s', async (_, edit) => {
    const tokenizer = await written({ prefix: 'trainer.vae_local.', edit });
    await importModel(request({ tokenizer, dtype: 'float16' }));
    const file = await openCheckpoint(join(root, 'model', 'tokenizer.safetensors'));
    const name = 'quantize.ema_vocab_hit_SV';
    const { dtype } = file.tensors.get(name)!;
    expect(toFloat32(await file.read(name), dtype, { who: 'test', name })[1]).toBe(1e6);
    await file.close();
  });
});

describe('several sets of weights', () => {
  it('are chosen by an option, and refused without it', async () => {
    const transformer = await written({ under: ['model.', 'model_ema.', 'generator.module.'], edit: withoutLevels });
    await expect(importModel(request({ transformer }))).rejects.toMatchObject({
      code: 'state-ambiguous',
      message: expect.stringContaining('at several paths: generator.module, model, model_ema') as string,
    });
    for (const weights of ['model', 'ema', 'generator', 'generator.module', 'model_ema']) {
      expect(await sidesOf({ transformer, weights }), weights).toEqual([1, 2, 4]);
    }
    await expect(importModel(request({ transformer, weights: 'teacher' }))).rejects.toMatchObject({
      code: 'weights-unknown',
      message: expect.stringContaining('--weights teacher') as string,
    });
  });

  it('may lie in the tokenizer’s file too, and at the top', async () => {
    const tokenizer = await written({ prefix: 'trainer.vae_local.', under: ['', 'averaged.'] });
    await expect(importModel(request({ tokenizer }))).rejects.toThrow('--tokenizer-weights averaged');
    for (const tokenizerWeights of ['averaged', 'top']) {
      expect(await sidesOf({ tokenizer, tokenizerWeights }), tokenizerWeights).toEqual([1, 2, 4]);
    }
  });
});
