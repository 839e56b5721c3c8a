import { cases } from '@tessera/plugin-kit/conformance';
import { describe, it } from 'vitest';
import { causalTransformer, maskedEncoderDecoder, nextScaleTransformer } from './index.ts';

const transformer = { depth: 1, width: 16, heads: 2 };
const masked = { classes: 2, encoder: transformer, decoder: transformer, buffer: 2 };

describe.each([
  [nextScaleTransformer, { classes: 2, ...transformer }],
  [causalTransformer, { classes: 2, ...transformer }],
  [maskedEncoderDecoder, masked],
])('conformance', (backbone, config) => {
  for (const { name, run } of cases(backbone, { config })) it(name, run);
});
