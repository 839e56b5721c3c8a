import { isTesseraError } from '@tessera/errors';
import { describe, expect, it } from 'vitest';
import type { Schema } from './json-schema.ts';
import { schema } from './schema.ts';

const config = schema.object({
  width: schema.integer({ min: 1 }),
  scales: schema.list(schema.integer({ min: 1, max: 64 }), { min: 1 }),
  rate: schema.optional(schema.number({ min: 0, max: 1 }), 0.5),
  mode: schema.optional(schema.choice('kv', 'none'), 'kv'),
  inner: schema.optional(schema.object({ on: schema.boolean() }), null),
});

function refusal(value: unknown): { code: string; message: string } {
  try {
    config.parse(value, 'thing');
  } catch (error) {
    if (isTesseraError(error)) return error;
    throw error;
  }
  throw new Error('was accepted');
}

describe('schema', () => {
  it('returns typed values and fills in what may be left out', () => {
    expect(config.parse({ width: 8, scales: [1, 2] }, 'thing')).toEqual({
      width: 8,
      scales: [1, 2],
      rate: 0.5,
      mode: 'kv',
      inner: null,
    });
  });

  it('names the field that is missing, out of range or of another kind', () => {
    expect(refusal({ scales: [1] })).toMatchObject({ code: 'field-missing' });
    expect(refusal({ width: 0, scales: [1] }).message).toContain('width = 0; expected an integer of at least 1');
    expect(refusal({ width: 1e30, scales: [1] }).message).toContain(
      'an integer of at least 1 that is exact, so within 2^53 - 1',
    );
    expect(refusal({ width: 8, scales: [1, 65] }).message).toContain('scales[1] = 65');
    expect(refusal({ width: 8, scales: [] }).code).toBe('field-invalid');
    expect(refusal({ width: '8', scales: [1] }).code).toBe('field-invalid');
    expect(refusal({ width: 8, scales: [1], rate: NaN }).code).toBe('field-invalid');
    expect(refusal({ width: 8, scales: [1], inner: { on: 1 } }).message).toContain('inner.on');
    expect(refusal([]).message).toContain('expected an object');
    expect(refusal({ width: 'wide'.repeat(1000), scales: [1] }).message.length).toBeLessThan(250);
  });

  it('refuses unknown fields with the nearest known name', () => {
    const unknown = refusal({ widht: 8, scales: [1] });
    expect(unknown.code).toBe('field-unknown');
    expect(unknown.message).toContain('Did you mean width?');
    expect(refusal({ width: 8, scales: [1], zebra: 1 }).message).toContain('Remove it.');
    expect(refusal(JSON.parse('{"width":8,"scales":[1],"__proto__":{"rate":1}}')).code).toBe('field-unknown');
  });

  it('checks fields together', () => {
    const even = schema.refine(config, ({ width }) => (width % 2 === 0 ? null : 'an even width'));
    expect(even.parse({ width: 8, scales: [1] }, 'thing').width).toBe(8);
    expect(() => even.parse({ width: 7, scales: [1] }, 'thing')).toThrow('expected an even width');
  });

  it.each<[string, () => unknown, string]>([
    [
      'a number',
      () => schema.optional(schema.number({ min: 0, max: 1 }), 5),
      'got the default = 5; expected a number from 0 to 1',
    ],
    ['an integer', () => schema.optional(schema.integer(), 0.5), 'the default = 0.5; expected an integer'],
    ['a choice', () => schema.optional(schema.choice('a', 'b'), 'c'), 'the default = "c"; expected one of a, b'],
    ['a boolean', () => schema.optional(schema.boolean(), 'no'), 'the default = "no"; expected true or false'],
    [
      'a list',
      () => schema.optional(schema.list(schema.integer({ max: 8 }), { min: 2 }), [1, 9]),
      'the default[1] = 9',
    ],
    ['a short list', () => schema.optional(schema.list(schema.integer(), { min: 2 }), [1]), 'a list of at least 2'],
    [
      'an object',
      () => schema.optional(schema.object({ side: schema.integer({ max: 8 }) }), { side: 9 }),
      'default.side = 9',
    ],
    [
      'an optional in it',
      () => schema.object({ inner: schema.optional(schema.optional(schema.string(), 'x'), 3) }),
      'the default = 3',
    ],
    [
      'a described one',
      () => schema.optional(schema.described(schema.number({ max: 1 }), 'Heat.'), 2),
      'the default = 2',
    ],
    [
      'a refined one',
      () =>
        schema.optional(
          schema.refine(schema.integer(), (n) => (n % 2 ? 'an even number' : null)),
          3,
        ),
      'an even number',
    ],
    [
      'one refined later',
      () => schema.refine(schema.optional(schema.integer(), 3), (n) => (n % 2 ? 'an even number' : null)),
      'an even number',
    ],
  ])('refuses a default outside of its own range where it is defined: %s', (_, define, sentence) => {
    expect(define).toThrow(
      expect.objectContaining({ code: 'default-invalid', message: expect.stringContaining(sentence) }),
    );
  });

  it('reads what another part reads where it stands', () => {
    const part: Schema<{ readonly depth: number }> = schema.object({ depth: schema.integer({ min: 1 }) });
    const wrapped = schema.object({ draft: schema.nested(part) });
    expect(wrapped.parse({ draft: { depth: 2 } }, 'test')).toEqual({ draft: { depth: 2 } });
    expect(wrapped.json.properties?.['draft']).toEqual(part.json);
    expect(() => wrapped.parse({ draft: { depth: 0 } }, 'test')).toThrow('[test] got draft.depth = 0');
    const foreign: Schema<{ readonly depth: number }> = { json: part.json, parse: part.parse };
    expect(() => schema.nested(foreign).read({}, { who: 'test', path: 'draft' })).toThrow('[test: draft] got no depth');
  });
});
