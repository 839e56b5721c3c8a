import { cases } from '@tessera/plugin-kit/conformance';
import { describe, it } from 'vitest';
import { diffusionHead } from './head.ts';

/** Chains that leave out the noisiest fifth, where a denoiser that learnt for a second is not sure enough. */
const given = {
  config: { blocks: 1, width: 16 },
  options: { respacing: '4,4,4,4,0' },
  values: { respacing: ['4,4,4,4,0', '2,2,2,2,0'], lateSteps: [0, 2, 8] },
};

describe.each([
  ['values', {}],
  ['codes', { space: { kind: 'discrete', channels: 4, vocabulary: 16 } }],
] as const)('conformance on %s', (_, space) => {
  for (const { name, run } of cases(diffusionHead, { ...given, ...space })) it(name, run);
});
