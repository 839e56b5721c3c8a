import { cases } from '@tessera/plugin-kit/conformance';
import { describe, it } from 'vitest';
import { klScalesTokenizer } from './scales-tokenizer.ts';
import { klTokenizer } from './tokenizer.ts';

const small = { ch: 8, ch_mult: [1, 2], groups: 4, num_res_blocks: 1, in_channels: 1, z_channels: 4, resolution: 8 };

describe('conformance', () => {
  for (const { name, run } of cases(klTokenizer, { config: { ...small, latentScale: 1 } })) it(name, run);
});

describe('conformance of scales', () => {
  const config = { ...small, latentScale: 1, patch_nums: [1, 2, 4], scaleStd: [1, 1, 1] };
  for (const { name, run } of cases(klScalesTokenizer, { config })) it(name, run);
});
