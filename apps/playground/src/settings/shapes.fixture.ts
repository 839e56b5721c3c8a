import type { Model } from '../api/operations.ts';

/** A model of three classes, as a server tells of it. */
export const shapes: Model = {
  id: 'model:shapes',
  name: 'shapes',
  title: 'Shapes',
  parameters: 10,
  image: { height: 8, width: 8, channels: 3 },
  classes: ['circle', 'square', 'star'].map((name, label) => ({ label, name })),
  description: '',
  licence: 'MIT',
  tokens: 5,
  vocabulary: 16,
  layout: [
    { start: 0, height: 1, width: 1 },
    { start: 1, height: 2, width: 2 },
  ],
  sizes: { least: 4, most: 16, step: 4 },
  options: {
    properties: {
      topP: { type: 'number', minimum: 0, maximum: 1, default: 0.9 },
      smooth: { type: 'boolean', default: false },
    },
  },
  guidanceOff: 0,
  defaults: { guidance: 1.5, guidanceKind: 'RAMP', preview: 'DECODED' },
  condition: { classes: 3, schema: { type: 'integer' } },
  parts: { tokenizer: 'vq', order: 'next-scale', backbone: 'next-scale-transformer', head: 'categorical' },
  stride: 'scale',
  millisecondsPerImage: null,
  samples: null,
};
