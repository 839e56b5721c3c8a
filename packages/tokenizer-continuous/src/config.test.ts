import type { Weights } from '@tessera/core';
import { tensorFrom } from '@tessera/engine';
import { isTesseraError } from '@tessera/errors';
import { marInventory } from '@tessera/goldens';
import { describe, expect, it } from 'vitest';
import { kl16, klConfig, klLayout, klScalesConfig, latentSide, tokenChannels } from './config.ts';
import { openKlVae } from './kl-vae.ts';

function refusal(changes: Record<string, unknown>): string {
  try {
    klConfig.parse({ ...kl16, ...changes }, 'kl');
  } catch (error) {
    if (isTesseraError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
  throw new Error('was accepted');
}

describe('klConfig', () => {
  it('fills in the values of the published KL-16', () => {
    expect(kl16).toEqual({
      z_channels: 16,
      ch: 128,
      ch_mult: [1, 1, 2, 2, 4],
      num_res_blocks: 2,
      in_channels: 3,
      resolution: 256,
      attn_resolutions: [16],
      groups: 32,
      patch_size: 1,
      latentScale: 0.2325,
      preview: null,
    });
    expect(klConfig.parse(JSON.parse(JSON.stringify(kl16)), 'kl')).toEqual(kl16);
    expect(klLayout(kl16)).toEqual({ length: 256, scales: [{ start: 0, height: 16, width: 16 }] });
    expect([latentSide(kl16), tokenChannels(kl16)]).toEqual([16, 16]);
    const patched = { ...kl16, patch_size: 2 };
    expect([klLayout(patched).length, tokenChannels(patched)]).toEqual([64, 64]);
  });

  it('attends at the coarsest level where nothing else is said', () => {
    const { attn_resolutions } = klConfig.parse({ ch_mult: [1, 2, 4], resolution: 32, latentScale: 1 }, 'kl');
    expect(attn_resolutions).toEqual([8]);
  });

  it.each([0, -1, NaN, Infinity, '1', null, undefined])('refuses the latent scale %s', (latentScale) => {
    expect(refusal({ latentScale })).toMatch(/^latent-scale \[kl\] got (no latentScale|latentScale = )/);
  });

  it('shows a latent scale that is text as text', () => {
    expect(refusal({ latentScale: '1' })).toContain('got latentScale = "1"; expected a number above zero');
  });

  it('names the field that is wrong', () => {
    expect(refusal({ resolution: 250 })).toContain(
      'field-invalid [kl] got resolution = 250; expected a multiple of 16: 5 levels and tokens of 1 x 1 latents',
    );
    expect(refusal({ patch_size: 3 })).toContain('expected a multiple of 48');
    expect(refusal({ attn_resolutions: [16, 20] })).toContain('sides of levels (256, 128, 64, 32, 16)');
    expect(refusal({ groups: 48 })).toContain('got groups = 48');
    expect(refusal({ preview: { weight: [[1, 1, 1]], bias: [0, 0, 0] } })).toContain('a weight of [16][3]');
    expect(refusal({ z_channels: 0 })).toContain('z_channels = 0');
    expect(refusal({ latent_scale: 1 })).toContain('Did you mean latentScale?');
  });
});

describe('names and shapes of the published KL-16', () => {
  it('map without a leftover on either side', () => {
    const asked: Record<string, readonly number[]> = {};
    const nothing = tensorFrom(new Float32Array(1), [1]);
    const param: Weights['param'] = (name, shape) => {
      asked[name] = shape;
      return nothing;
    };
    openKlVae(kl16, { has: () => true, param });
    nothing.dispose();
    const { entries, n_params } = marInventory()['kl16']!;
    expect(asked).toEqual(Object.fromEntries(Object.entries(entries).map(([name, [, shape]]) => [name, shape])));
    const size = (shape: readonly number[]): number => shape.reduce((product, side) => product * side, 1);
    expect(Object.values(asked).reduce((sum, shape) => sum + size(shape), 0)).toBe(n_params);
  });
});

const scales = { patch_nums: [1, 2, 4, 8, 16], scaleStd: [0.9, 0.5, 0.4, 0.3, 0.6] };

describe('klScalesConfig', () => {
  it('takes the fields of kl, and scales', () => {
    expect(klScalesConfig.parse({ latentScale: 0.2325, ...scales }, 'kl-scales')).toEqual({ ...kl16, ...scales });
  });

  it.each([
    [{ patch_size: 2 }, 'patch_size = 2; expected 1'],
    [{ patch_nums: [1, 2, 4, 8] }, 'patch_nums = [1,2,4,8]; expected sides that ascend to that of the latent map, 16'],
    [{ patch_nums: [1, 2, 4, 16, 16] }, 'patch_nums = [1,2,4,16,16]'],
    [{ scaleStd: [1, 1] }, 'scaleStd = [1,1]; expected 5 numbers above zero, one a scale'],
    [{ scaleStd: [1, 1, 0, 1, 1] }, 'expected 5 numbers above zero'],
    [{ scaleStd: undefined }, 'no scaleStd'],
    [{ resolution: 250 }, 'resolution = 250'],
  ])('refuses %j', (changes, named) => {
    expect(() => klScalesConfig.parse({ latentScale: 1, ...scales, ...changes }, 'kl-scales')).toThrow(named);
  });
});
