import { describe, expect, it } from 'vitest';
import { kl16 } from './config.ts';
import { klScalesConfig } from './scales-config.ts';

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
