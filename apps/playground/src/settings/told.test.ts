import { describe, expect, it } from 'vitest';
import type { Model } from '../api/operations.ts';
import { formulaOf } from './formulas.tsx';
import { factsOf, firstSentence } from './model-facts.ts';
import { speedText } from './model-speed.ts';

/* What the form tells of models and settings. */

const shapes = {
  name: 'shapes',
  parameters: 10,
  image: { height: 8, width: 8, channels: 3 },
  tokens: 5,
  layout: [
    { start: 0, height: 1, width: 1 },
    { start: 1, height: 2, width: 2 },
  ],
  options: {},
  stride: 'scale',
  parts: { tokenizer: 'vq', order: 'next-scale', backbone: 'next-scale-transformer', head: 'categorical' },
  defaults: { guidance: 1, guidanceKind: 'RAMP', preview: 'DECODED' },
} as unknown as Model;

it('tells what a model is for, how it draws, and how large it is', () => {
  expect(firstSentence('Digits of 32 x 32 pixels: next-scale prediction. Trained on MNIST.')).toBe(
    'Digits of 32 x 32 pixels.',
  );
  expect(firstSentence('Digits')).toBe('Digits');
  expect(factsOf(shapes)).toBe('grows sharper · 10 parameters · 5 tokens · 8 × 8 px');
  expect(factsOf({ ...shapes, stride: 'set' })).toContain('fills holes');
});

it('tells how fast a model is where that was measured, and before how many steps it takes', () => {
  const unmeasured = (part: Partial<Model>) => speedText({ ...shapes, ...part }, null);
  const steps = { properties: { steps: { type: 'integer', minimum: 1, maximum: 9, default: 8 } } };
  expect([
    unmeasured({}),
    unmeasured({ stride: 'token' }),
    unmeasured({ stride: 'set', options: steps }),
    unmeasured({ stride: 'set' }),
  ]).toEqual([
    'Speed: 2 steps an image; the time is not known, since it has not made an image on this server yet.',
    'Speed: 5 steps an image; the time is not known, since it has not made an image on this server yet.',
    'Speed: 8 steps an image; the time is not known, since it has not made an image on this server yet.',
    'Speed: the time is not known, since it has not made an image on this server yet.',
  ]);
  expect([0.2, 12.4, 2345].map((time) => speedText(shapes, time))).toEqual([
    'Speed: about 1 ms an image, as measured on this server.',
    'Speed: about 12 ms an image, as measured on this server.',
    'Speed: about 2.3 s an image, as measured on this server.',
  ]);
});

describe('formulaOf', () => {
  const formula = (name: string, changed: object = {}) =>
    formulaOf(name, { ...shapes, parts: { ...shapes.parts, ...changed } });

  it('knows the settings of the parts that the model has, and no others', () => {
    expect(formula('topP')!.source).toContain('Holtzman');
    expect(formula('temperature')).toBeNull();
    expect(formula('temperature', { head: 'diffusion' })!.source).toContain('MAR');
    expect(formula('steps', { order: 'random-sets' })).toBe(formula('steps', { order: 'confidence' }));
    expect([formula('restSteps'), formula('restSteps', { order: 'random-sets' })?.source]).toEqual([null, 'GtR']);
    expect([formula('guidanceFrom'), formula('guidanceUntil')]).not.toContain(null);
    // A plug-in may give the same name to something else.
    expect([formula('topP', { head: '@acme/gaussian' }), formula('toString')]).toEqual([null, null]);
  });

  it('has another one for each way of guidance', () => {
    const kinds = (['NONE', 'RAMP', 'LINEAR', 'CONSTANT'] as const).map((guidanceKind) =>
      formulaOf('guidance', { ...shapes, defaults: { ...shapes.defaults, guidanceKind } }),
    );
    expect(kinds[0]).toBeNull();
    expect(new Set(kinds.slice(1).map((one) => one!.sentence)).size).toBe(3);
  });
});
