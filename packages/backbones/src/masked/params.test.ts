import * as tf from '@tensorflow/tfjs';
import type { BackbonePlugin } from '@tessera/core';
import { marInventory, readGolden } from '@tessera/goldens';
import { beforeAll, describe, expect, it } from 'vitest';
import { askedParams, type AskedParams } from '../../fixtures/asked-params.ts';
import { openTinyMasked } from '../../fixtures/tiny-masked.ts';
import { squareLayout } from '../../fixtures/tiny-model.ts';
import { maskedEncoderDecoder } from './backbone.ts';
import { maskedConfig } from './params.ts';

beforeAll(() => tf.setBackend('cpu'));

function asked(given: object, side: number, channels: number): AskedParams {
  const dims = { layout: squareLayout([side]), space: { kind: 'continuous', channels } as const };
  return askedParams(maskedEncoderDecoder as BackbonePlugin, given, dims);
}

const small = { depth: 2, width: 48, heads: 4 };
const large = { depth: 1, width: 96, heads: 4 };

describe('takeParams', () => {
  it.each([
    ['mar_base', 12, 768, 12],
    ['mar_large', 16, 1024, 16],
    ['mar_huge', 20, 1280, 16],
  ] as const)('asks for the official names and shapes of %s', (name, depth, width, heads) => {
    const transformer = { depth, width, heads };
    const specs = asked({ classes: 1000, encoder: transformer, decoder: transformer }, 16, 16);
    const official = Object.entries(marInventory()[name]!.entries).filter(([key]) => !key.startsWith('diffloss.'));
    const shapes = official.map(([key, [, shape]]) => [key, shape] as const);
    expect(Object.fromEntries([...specs].map(([key, { shape }]) => [key, shape]))).toEqual(Object.fromEntries(shapes));
  });

  it.each(['mar_tiny_loss_train', 'mar_tiny_patch2_loss'])('takes every parameter of %s but the head’s', (name) => {
    const tiny = openTinyMasked(name);
    const file = JSON.parse(tiny.recorded.metadata['config']!).weights_mar.replace('.safetensors', '');
    const stored = readGolden(file).names.filter((key) => !key.startsWith('diffloss.'));
    expect([...tiny.weights.taken.keys()].sort()).toEqual(stored.sort());
    tiny.dispose();
  });

  it('lets everything decay that has more than one axis', () => {
    for (const [name, { decay, shape }] of asked({ classes: 10, encoder: small, decoder: large }, 8, 4)) {
      expect([name, decay]).toEqual([name, shape.length > 1]);
    }
  });

  it('starts as the official code does', () => {
    const specs = asked({ classes: 10, encoder: small, decoder: large, mlpRatio: 2 }, 8, 4);
    const bound = (inputs: number, outputs: number) => ({ kind: 'uniform', bound: Math.sqrt(6 / (inputs + outputs)) });
    const tables = [...specs].filter(([, { init }]) => init.kind === 'normal');
    expect(tables.map(([name]) => name).sort()).toEqual([
      'class_emb.weight',
      'decoder_pos_embed_learned',
      'diffusion_pos_embed_learned',
      'encoder_pos_embed_learned',
      'fake_latent',
      'mask_token',
    ]);
    for (const [, { init }] of tables) expect(init).toEqual({ kind: 'normal', std: 0.02 });
    expect(specs.get('z_proj.weight')!.init).toEqual(bound(4, 48));
    expect(specs.get('decoder_embed.weight')!.init).toEqual(bound(48, 96));
    expect(specs.get('encoder_blocks.1.attn.qkv.weight')!.init).toEqual(bound(48, 144));
    expect(specs.get('decoder_blocks.0.mlp.fc1.weight')!.init).toEqual(bound(96, 192));
    expect(specs.get('decoder_blocks.0.mlp.fc2.bias')!.init).toEqual({ kind: 'zeros' });
    expect(specs.get('z_proj_ln.weight')!.init).toEqual({ kind: 'ones' });
    expect(specs.get('z_proj_ln.bias')!.init).toEqual({ kind: 'zeros' });
  });
});

describe('maskedConfig', () => {
  it('says which transformer has heads that do not fit', () => {
    const given = { classes: 10, encoder: small, decoder: { ...large, heads: 5 } };
    expect(() => maskedConfig.parse(given, 'test')).toThrow(/decoder.*a width that its heads divide/);
  });
});
