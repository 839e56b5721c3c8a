import { cases } from '@tessera/plugin-kit/conformance';
import { describe, it } from 'vitest';
import { causalTransformer, classCondition, maskedEncoderDecoder, nextScaleTransformer } from './index.ts';

const transformer = { depth: 1, width: 16, heads: 2 };
const masked = { classes: 2, encoder: transformer, decoder: transformer, buffer: 2 };

describe.each([
  [nextScaleTransformer, { classes: 2, ...transformer }],
  [causalTransformer, { classes: 2, ...transformer }],
  [maskedEncoderDecoder, masked],
])('conformance', (backbone, config) => {
  for (const { name, run } of cases(backbone, { config })) it(name, run);
});

// A form besides the vector.
describe.each(['attends', 'map'])('conformance with %s', (form) => {
  describe.each([
    [nextScaleTransformer, { ...transformer, [form]: true }],
    [causalTransformer, { ...transformer, [form]: true }],
    [maskedEncoderDecoder, { [form]: true, encoder: transformer, decoder: transformer, buffer: 2 }],
  ])('of $name', (backbone, config) => {
    for (const { name, run } of cases(backbone, { config })) it(name, run);
  });
});

describe('conformance of classes', () => {
  for (const none of ['row', 'parameter']) {
    for (const { name, run } of cases(classCondition, { config: { classes: 3, none } })) it(`${name} (${none})`, run);
  }
});
