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

const attending = { ...transformer, attends: true };

describe.each([
  [nextScaleTransformer, attending],
  [causalTransformer, attending],
  [maskedEncoderDecoder, { attends: true, encoder: transformer, decoder: transformer, buffer: 2 }],
])('conformance with the sequence of a condition', (backbone, config) => {
  for (const { name, run } of cases(backbone, { config })) it(name, run);
});

describe('conformance of classes', () => {
  for (const none of ['row', 'parameter']) {
    for (const { name, run } of cases(classCondition, { config: { classes: 3, none } })) it(`${name} (${none})`, run);
  }
});
