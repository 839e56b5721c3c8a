import { expect, it } from 'vitest';
import { createAddress, filled, firstTyped, setFlags, typedNames } from './part-values.ts';

const schema = {
  type: 'object',
  required: ['V', 'sides'],
  properties: {
    V: { type: 'integer', minimum: 2 },
    rate: { type: 'number', default: 0.5 },
    sides: { type: 'array', items: { type: 'integer' } },
    phi: { type: 'object', default: { share: 4 } },
  },
};

it('takes lists and objects as JSON, and begins with their defaults', () => {
  expect(typedNames(schema)).toEqual(['sides', 'phi']);
  expect(firstTyped(schema)).toEqual({ sides: '', phi: '{"share":4}' });
});

it('says what is needed and what is no JSON, and leaves out what is empty', () => {
  expect(filled(schema, { V: 9 }, { sides: '[1, 2]', phi: '' })).toEqual({
    value: { V: 9, sides: [1, 2] },
    problems: [],
  });
  expect(filled(schema, {}, { sides: '[1, 2', phi: '{}' })).toEqual({
    value: { phi: {} },
    problems: ['sides is no JSON: “[1, 2”.', 'V is needed.'],
  });
});

it('writes options as a command and as an address have them', () => {
  const values = { temperature: 0.5, schedule: "it's 'new'" };
  expect(setFlags(values)).toBe(`--set temperature=0.5 --set 'schedule=it'\\''s '\\''new'\\'''`);
  expect(createAddress('digits-mar', { steps: 8 })).toBe('/?model=digits-mar&digits-mar.options.steps=8');
});
