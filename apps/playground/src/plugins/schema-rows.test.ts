import { expect, it } from 'vitest';
import { schemaRows } from './schema-rows.ts';

it('says in words what each property takes', () => {
  const rows = schemaRows({
    type: 'object',
    required: ['V'],
    properties: {
      V: { type: 'integer', minimum: 2, maximum: 9 },
      rate: { type: 'number', exclusiveMinimum: 0, default: 0.5, description: 'How fast.' },
      kind: { enum: ['a', 'b'], default: 'a' },
      sides: { type: 'array', items: { type: 'integer', minimum: 1 } },
      either: { anyOf: [{ type: 'boolean' }, { const: 'auto' }] },
      open: {},
    },
  });
  expect(rows.map(({ name, takes, fallback }) => [name, takes, fallback])).toEqual([
    ['V', 'whole number from 2 to 9', null],
    ['rate', 'number above 0', '0.5'],
    ['kind', '"a" or "b"', '"a"'],
    ['sides', 'list, each: whole number from 1', null],
    ['either', 'true or false, or "auto"', null],
    ['open', 'any value', null],
  ]);
  expect([rows[0]!.required, rows[1]!.required, rows[1]!.description]).toEqual([true, false, 'How fast.']);
});
