import { isTesseraError } from '@tessera/errors';
import { describe, expect, it } from 'vitest';
import { imageSize, vqBounds, vqConfig, vqLayout, vqScales } from './config.ts';

const official = { V: 4096, Cvae: 32, ch: 160, patch_nums: [1, 2, 3, 4, 5, 6, 8, 10, 13, 16] };

function refusal(changes: Record<string, unknown>): string {
  try {
    vqConfig.parse({ ...official, ...changes }, 'vq');
  } catch (error) {
    if (isTesseraError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
  throw new Error('was accepted');
}

describe('vqConfig', () => {
  it('fills in the official values', () => {
    const config = vqConfig.parse(official, 'vq');
    expect(config).toMatchObject({
      ch_mult: [1, 1, 2, 2, 4],
      groups: 32,
      beta: 0.25,
      share_quant_resi: 4,
      preview: null,
    });
    expect(imageSize(config)).toEqual({ height: 256, width: 256 });
    expect(vqLayout(config).length).toBe(680);
    expect(vqLayout(config).scales[9]).toEqual({ start: 424, height: 16, width: 16 });
  });

  it('serves other sizes, whose scales are in proportion', () => {
    const config = vqConfig.parse({ ...official, picture: { height: 256, width: 384 } }, 'vq');
    expect(vqBounds(config)).toEqual({ own: { height: 256, width: 384 }, step: 16, least: 128, most: 512 });
    expect(vqScales(config).slice(0, 3)).toEqual([
      { height: 1, width: 1 },
      { height: 2, width: 3 },
      { height: 3, width: 5 },
    ]);
    expect(vqScales(config).at(-1)).toEqual({ height: 16, width: 24 });
    expect(refusal({ picture: { height: 256, width: 250 } })).toContain('expected multiples of 16 pixels');
  });

  it('names the field that is wrong', () => {
    expect(refusal({ V: 0 })).toContain('field-invalid [vq] got V = 0');
    expect(refusal({ patch_nums: [] })).toContain('patch_nums = []');
    expect(refusal({ patch_nums: [1, 4, 2] })).toContain('no scale larger than the last');
    expect(refusal({ groups: 48 })).toContain(
      'got groups = 48; expected a divisor of the channels of every level (160',
    );
    expect(refusal({ quant_conv_ks: 2 })).toContain('quant_conv_ks = 2');
    expect(refusal({ preview: { weight: [[1, 1, 1]], bias: [0, 0, 0] } })).toContain('expected a weight of [32][3]');
    expect(refusal({ V: 1e12 })).toContain('an integer from 2 to 1048576');
    expect(refusal({ ch: 1_600_000 })).toContain('ch = 1600000');
    expect(refusal({ num_res_blocks: 1e8 })).toContain('from 1 to 64');
    expect(refusal({ ch_mult: new Array(13).fill(1) })).toContain('a list of 1 to 12 entries');
    expect(refusal({ patch_nums: new Array(100_000).fill(1) }).length).toBeLessThan(300);
    expect(refusal({ chs: 1 })).toContain('Did you mean ch?');
  });
});
