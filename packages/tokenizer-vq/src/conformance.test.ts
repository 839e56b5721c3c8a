import { cases } from '@tessera/plugin-kit/conformance';
import { describe, it } from 'vitest';
import { vqTokenizer } from './tokenizer.ts';

const small = { ch: 8, ch_mult: [1, 2], groups: 4, num_res_blocks: 1, in_channels: 1, V: 8, Cvae: 4 };

describe.each([
  ['of several scales', { ...small, patch_nums: [1, 2, 4] }],
  ['of one scale', { ...small, patch_nums: [4] }],
  ['of one scale of many tokens', { ...small, patch_nums: [8] }],
])('conformance %s', (_, config) => {
  for (const { name, run } of cases(vqTokenizer, { config })) it(name, run);
});
