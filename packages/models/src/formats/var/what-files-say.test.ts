import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toFloat16Bytes, toFloat32, type DType, type WritableTensor } from '@tessera/checkpoints';
import { openTrainer, type Edit, type RewrittenTrainer } from '../../testing/rewritten-trainer.ts';
import { importModel, type ImportRequest } from '../import-model.ts';

let request: RewrittenTrainer['request'];
let written: RewrittenTrainer['written'];
let dispose: RewrittenTrainer['dispose'];
beforeAll(async () => void ({ request, written, dispose } = await openTrainer()));
afterAll(() => dispose());

function zeros(name: string, shape: readonly number[]): WritableTensor {
  const size = shape.reduce((product, side) => product * side, 4);
  return { name, dtype: 'float32', shape, bytes: () => new Uint8Array(size) };
}

/** A stripped state dict of another count of tokens. */
function ofScales(length: number, scales: number): Edit {
  return (tensor) => {
    if (tensor.name === 'pos_1LC') return zeros(tensor.name, [1, length, 32]);
    if (tensor.name === 'lvl_embed.weight') return zeros(tensor.name, [scales, 32]);
    return tensor.name === 'lvl_1L' || tensor.name === 'attn_bias_for_masking' ? null : tensor;
  };
}

async function sidesOf(more: Partial<ImportRequest>): Promise<unknown> {
  const { manifest } = await importModel(request(more));
  return (manifest.tokenizer.config as { patch_nums: unknown }).patch_nums;
}

const levels = [0, ...Array<number>(4).fill(1), ...Array<number>(16).fill(2)];
const storedLevels: readonly (readonly [DType, ArrayBuffer])[] = [
  ['float16', new Uint16Array(levels.map((level) => [0, 0x3c00, 0x4000][level]!)).buffer],
  ['bfloat16', new Uint16Array(levels.map((level) => [0, 0x3f80, 0x4000][level]!)).buffer],
  ['float32', new Float32Array(levels).buffer],
  ['float64', new Float64Array(levels).buffer],
  ['int32', new Int32Array(levels).buffer],
  ['uint8', new Uint8Array(levels).buffer],
  ['float8_e5m2', new Uint8Array(levels.map((level) => [0, 0x3c, 0x40][level]!)).buffer],
];

describe('sides', () => {
  it.each(storedLevels)('are spelled by lvl_1L as %s', async (dtype, buffer) => {
    const edit: Edit = (tensor) =>
      tensor.name === 'lvl_1L' ? { ...tensor, dtype, bytes: () => new Uint8Array(buffer) } : tensor;
    expect(await sidesOf({ transformer: await written({ edit }) })).toEqual([1, 2, 4]);
  });

  it('come with a model that was saved in half precision as a whole', async () => {
    const edit: Edit = (tensor) => {
      const of = { who: 'test', name: tensor.name };
      if (tensor.name === 'lvl_1L')
        return { ...tensor, dtype: 'float16', bytes: () => new Uint8Array(storedLevels[0]![1]) };
      const half = async () =>
        toFloat16Bytes(toFloat32((await tensor.bytes()) as Uint8Array<ArrayBuffer>, 'float32', of), of);
      return { ...tensor, dtype: 'float16', bytes: half };
    };
    expect(await sidesOf({ transformer: await written({ edit }) })).toEqual([1, 2, 4]);
  });

  it('are refused if the counts allow several answers, and taken from any source that gives them', async () => {
    const transformer = await written({ edit: ofScales(142, 5) });
    await expect(importModel(request({ transformer }))).rejects.toMatchObject({
      code: 'patch-nums-ambiguous',
      message: expect.stringContaining('--patch-nums') as string,
    });
    expect(await sidesOf({ transformer, hints: { patchNums: [1, 2, 3, 8, 8] } })).toEqual([1, 2, 3, 8, 8]);
    const config = { patch_nums: [1, 2, 3, 8, 8] };
    const told = await written({ edit: ofScales(142, 5), config });
    expect(await sidesOf({ transformer: told })).toEqual([1, 2, 3, 8, 8]);
    const text = await written({ edit: ofScales(142, 5), config: { args: { pn: '1_2_3_8_8' } } });
    expect(await sidesOf({ transformer: text })).toEqual([1, 2, 3, 8, 8]);
    await expect(importModel(request({ transformer: told, hints: { patchNums: [1, 4, 5, 6, 8] } }))).rejects.toThrow(
      'got sides 1 4 5 6 8 (--patch-nums) and 1 2 3 8 8 (patch_nums of config.json beside it)',
    );
  });

  it('are those of a published model with a remark', async () => {
    const { remarks } = await importModel(request({ transformer: await written({ edit: ofScales(680, 10) }) }));
    expect(remarks[0]).toContain('the sides 1 2 3 4 5 6 8 10 13 16 (--patch-nums), those of a published model');
  });

  it('are refused where lvl_1L spells none', async () => {
    const edit: Edit = (tensor) =>
      tensor.name === 'lvl_1L'
        ? { ...tensor, bytes: () => new Uint8Array(new BigInt64Array(21).fill(1n).buffer) }
        : tensor;
    await expect(importModel(request({ transformer: await written({ edit }) }))).rejects.toMatchObject({
      code: 'levels-malformed',
    });
  });
});

describe('what a file says of itself', () => {
  it.each([
    [{ depth: 3 }, 'depth 2 (its tensors) and 3 (depth of config.json beside it)'],
    [{ embed_dim: 64 }, 'width 32 (its tensors) and 64'],
    [{ num_heads: 4 }, 'heads 2 (its tensors) and 4 (num_heads'],
    [{ args: { saln: true } }, 'shared modulation false (its tensors) and true (args.saln'],
    [{ args: { anorm: false } }, 'query-key normalisation true (its tensors) and false'],
    [{ num_classes: 1000 }, 'classes 5 (its tensors) and 1000'],
    [{ mlp_ratio: 2 }, 'ratio of hidden widths 4 (its tensors) and 2'],
    [{ norm_eps: 1e-5 }, 'epsilon of norms 0.000001 (what Tessera computes with) and 0.00001'],
    [{ patch_nums: [1, 2, 3, 4] }, 'sides 1 2 4 (lvl_1L) and 1 2 3 4'],
    [{ resos: [16, 32, 64] }, 'pixels across the scales 1 2 4 (the levels of the tokenizer) and 16 32 64'],
    [{ patch_size: 16 }, 'pixels across a token 1 (the levels of the tokenizer) and 16'],
  ])('must agree with its tensors: %j', async (config, words) => {
    await expect(importModel(request({ transformer: await written({ config }) }))).rejects.toThrow(`got ${words}`);
  });

  it('is taken where tensors are silent: of the tokenizer', async () => {
    const config = { groups: 8, num_groups: 16, quant_resi: 0.25, using_znorm: true, beta: 0.5 };
    const tokenizer = await written({ prefix: 'trainer.vae_local.', config });
    const { manifest, remarks } = await importModel(request({ tokenizer }));
    expect(manifest.tokenizer.config).toMatchObject({ groups: 16, quant_resi: 0.25, using_znorm: true, beta: 0.5 });
    expect(remarks).toEqual([]);
  });

  it.each([
    ['--heads', { heads: 4 }, 'heads 4 (--heads) and 2 (its tensors)'],
    ['--groups', { groups: 8 }, 'groups 8 (--groups) and 16 (num_groups'],
    ['--quant-resi', { quantResi: 0.75 }, 'quant_resi 0.75 (--quant-resi) and 0.25'],
  ])('must agree with %s', async (_, hints, words) => {
    const tokenizer = await written({ prefix: 'trainer.vae_local.', config: { num_groups: 16, quant_resi: 0.25 } });
    await expect(importModel(request({ tokenizer, hints }))).rejects.toThrow(`got ${words}`);
  });

  it('must be readable', async () => {
    const transformer = await written({});
    await writeFile(join(transformer, '..', 'config.json'), '{');
    await expect(importModel(request({ transformer }))).rejects.toMatchObject({ code: 'config-unreadable' });
  });
});

describe('heads of a model without query-key normalisation', () => {
  const plain: Edit = (tensor) => (tensor.name.endsWith('scale_mul_1H11') ? null : tensor);

  it('are asked for where the official code builds no such model', async () => {
    const transformer = await written({ edit: plain });
    await expect(importModel(request({ transformer }))).rejects.toMatchObject({
      code: 'heads-unknown',
      message: expect.stringContaining('--heads') as string,
    });
    const { manifest } = await importModel(request({ transformer, hints: { heads: 4 } }));
    expect(manifest.backbone.config).toMatchObject({ heads: 4, qkNorm: false });
  });

  it('are read from its settings', async () => {
    const transformer = await written({ edit: plain, config: { num_heads: 4 } });
    const { manifest } = await importModel(request({ transformer }));
    expect(manifest.backbone.config).toMatchObject({ heads: 4 });
  });
});
