import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint, writeSafetensors } from '@tessera/checkpoints';
import type { Engine } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { marInventory } from '@tessera/goldens';
import type { Shapes } from '../../weights.ts';
import { importModel, type ImportRequest } from '../import-model.ts';
import { configOfKlState, configOfMarState } from './state-config.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../../../fixtures/${name}`, import.meta.url));
/** Depth 1, width 768 as MAR-B, and 8 heads by its `args`. */
const eight = fixture('mar_args_say_8_heads.pth');
const vae = fixture('kl16_micro.ckpt');

let root: string;
let engine: Engine;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tessera-said-'));
  engine = createEngine();
});
afterAll(async () => {
  engine.dispose();
  await rm(root, { recursive: true });
});

function request(more: Partial<ImportRequest> = {}): ImportRequest {
  const hints = { latentScale: 0.2 };
  return { engine, transformer: eight, tokenizer: vae, out: join(root, 'model'), name: 'micro', hints, ...more };
}

let folders = 0;

/** The weights of a file without its other words, and a `config.json` beside them. */
async function withConfig(path: string, prefix: string, config: unknown): Promise<string> {
  const folder = join(root, String(folders++));
  await mkdir(folder);
  const file = await openCheckpoint(path);
  const tensors = [...file.tensors.values()]
    .filter(({ name }) => name.startsWith(prefix))
    .map((tensor) => ({ ...tensor, name: tensor.name.slice(prefix.length), bytes: () => file.read(tensor.name) }));
  await writeSafetensors(join(folder, 'weights.safetensors'), tensors);
  await file.close();
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  return join(folder, 'weights.safetensors');
}

describe('heads', () => {
  it('come from the arguments of the file, whatever published model has its width', async () => {
    const { manifest } = await importModel(request());
    expect(manifest.backbone.config).toMatchObject({ encoder: { heads: 8 }, decoder: { heads: 8 } });
  });

  it('are not changed by an option without a word', async () => {
    const hints = { latentScale: 0.2, heads: 12 };
    await expect(importModel(request({ hints }))).rejects.toThrow(
      'got heads of the encoder 12 (--heads) and 8 (args.encoder_num_heads)',
    );
  });

  it('come from a config.json beside the file', async () => {
    const config = { encoder_num_heads: 4, decoder_num_heads: 16 };
    const { manifest } = await importModel(request({ transformer: await withConfig(eight, 'model.', config) }));
    expect(manifest.backbone.config).toMatchObject({ encoder: { heads: 4 }, decoder: { heads: 16 } });
  });

  it('do not follow from a width alone', async () => {
    const transformer = await withConfig(eight, 'model.', {});
    await expect(importModel(request({ transformer }))).rejects.toMatchObject({
      code: 'heads-unknown',
      message: expect.stringContaining('1 blocks of width 768') as string,
    });
  });

  it('of a published model are told to be assumed', () => {
    const { entries } = marInventory()['mar_huge']!;
    const shapes: Shapes = new Map(Object.entries(entries).map(([name, [, shape]]) => [name, shape]));
    const assumed: string[] = [];
    const { backbone } = configOfMarState(shapes, { who: 'test', assume: (what) => assumed.push(what) });
    expect(backbone.encoder.heads).toBe(16);
    expect(assumed).toEqual(['16 heads (--heads), those of the published model of these depths and widths']);
  });
});

describe('the latent scale and the groups of a KL-VAE', () => {
  it('of the published KL-16 are told to be assumed', () => {
    const { entries } = marInventory()['kl16']!;
    const shapes: Shapes = new Map(Object.entries(entries).map(([name, [, shape]]) => [name, shape]));
    const assumed: string[] = [];
    configOfKlState(shapes, { who: 'test', assume: (what) => assumed.push(what) });
    expect(assumed).toEqual([
      'the latent scale 0.2325 (--latent-scale), that of the published KL-16, which has these shapes',
      'groups 32 (--groups), as in the official code',
    ]);
  });

  it('are asked for by the names of their options where nothing tells them', async () => {
    await expect(importModel(request({ hints: {} }))).rejects.toThrow('State it: --latent-scale.');
    const shapes: Shapes = new Map([
      ['post_quant_conv.weight', [4, 4, 1, 1]],
      ['encoder.conv_in.weight', [48, 3, 3, 3]],
      ['encoder.down.0.block.0.conv1.weight', [48, 48, 3, 3]],
    ]);
    expect(() => configOfKlState(shapes, { who: 'test', latentScale: 1 })).toThrow(
      'got levels of 48 channels, which are not divisible by the 32 groups of the official code',
    );
  });

  it('come from a config.json beside the file', async () => {
    const tokenizer = await withConfig(vae, 'model.', { scaling_factor: 0.18, norm_num_groups: 16 });
    const { manifest, remarks } = await importModel(request({ tokenizer, hints: {} }));
    expect(manifest.tokenizer.config).toMatchObject({ latentScale: 0.18, groups: 16 });
    expect(remarks.some((remark) => remark.startsWith('Assumed'))).toBe(false);
    await expect(importModel(request({ tokenizer }))).rejects.toThrow('latent scale 0.2 (--latent-scale) and 0.18');
  });
});

describe('a file with objects that are not on the allow-list', () => {
  const transformer = fixture('mar_with_objects.pth');

  it('is imported without them when told to, and its plain settings still count', async () => {
    await expect(importModel(request({ transformer }))).rejects.toMatchObject({ code: 'pickle-global-refused' });
    const { manifest, remarks } = await importModel(request({ transformer, unknown: 'skip' }));
    expect(manifest.backbone.config).toMatchObject({ encoder: { heads: 8 } });
    expect(remarks[0]).toBe(
      `${transformer}: left out args.output_dir (pathlib.PurePosixPath), sampler (__builtin__.object); tensors inside were read, and nothing was run.`,
    );
  });
});

describe('what a file says of itself', () => {
  it.each([
    [{ encoder_depth: 12 }, 'depth of the encoder 1 (its tensors) and 12 (encoder_depth of config.json beside it)'],
    [{ args: { decoder_embed_dim: 1024 } }, 'width of the decoder 768 (its tensors) and 1024 (args.decoder_embed_dim'],
    [{ buffer_size: 65 }, 'and 65 (buffer_size'],
    [{ diffloss_d: 99 }, 'blocks of the denoiser'],
    [{ diffloss_w: 99 }, 'width of the denoiser'],
    [{ class_num: 999 }, 'classes'],
    [{ vae_embed_dim: 99 }, 'channels of latents 4 (the tokenizer) and 99'],
    [{ vae_stride: 16 }, 'pixels across a latent 1 (the tokenizer) and 16'],
    [{ vae_stride: 1, img_size: 256 }, 'pixels across an image'],
    [{ norm_eps: 1e-5 }, 'epsilon of norms'],
  ])('must agree with its tensors: %j', async (config, words) => {
    const transformer = await withConfig(eight, 'model.', { encoder_num_heads: 8, decoder_num_heads: 8, ...config });
    await expect(importModel(request({ transformer }))).rejects.toMatchObject({
      code: 'weights-mismatch',
      message: expect.stringContaining(words) as string,
    });
  });
});
