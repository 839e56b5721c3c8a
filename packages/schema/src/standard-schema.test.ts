import { isTesseraError } from '@tessera/errors';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Schema } from './json-schema.ts';
import { schema } from './schema.ts';
import { schemaFrom } from './standard-schema.ts';

const fields = z.object({
  width: z.int().min(1),
  rate: z.number().max(1).default(0.5).describe('How fast.'),
  scales: z.array(z.object({ side: z.int() })).optional(),
});
const adapted = schemaFrom(fields, 'acme config');

function refusal(value: unknown, by: Schema<unknown> = adapted): { code: string; message: string } {
  try {
    by.parse(value, 'acme');
  } catch (error) {
    if (isTesseraError(error)) return error;
    throw error;
  }
  throw new Error('was accepted');
}

describe('schemaFrom', () => {
  it('types and fills in values by a schema of zod', () => {
    const { width, rate } = adapted.parse({ width: 8 }, 'acme');
    expect([width satisfies number, rate satisfies number]).toEqual([8, 0.5]);
  });

  it('says itself as JSON Schema for forms', () => {
    expect(adapted.json).not.toHaveProperty('$schema');
    expect(adapted.json.properties!['rate']).toEqual({
      type: 'number',
      maximum: 1,
      default: 0.5,
      description: 'How fast.',
    });
  });

  it('makes one sentence of issues, with who and the path', () => {
    expect(refusal({ width: 8, scales: [{ side: 'wide' }] })).toMatchObject({ code: 'field-invalid' });
    expect(refusal({ width: 8, scales: [{ side: 'wide' }] }).message).toMatch(
      /^\[acme\] got scales\[0\]\.side wrong: /,
    );
    expect(refusal({ width: 0, rate: 2 }).message).toMatch(/width wrong: .* \(and 1 more\)/);
    expect(refusal([]).message).toContain('the value wrong');
  });

  it('refuses fields that the library would drop in silence, and names the nearest', () => {
    expect(refusal({ widht: 8, width: 8 })).toMatchObject({ code: 'field-unknown' });
    expect(refusal({ widht: 8, width: 8 }).message).toContain('Did you mean width?');
    const loose = schemaFrom(z.looseObject({ width: z.int() }), 'acme config');
    expect(loose.parse({ width: 8, more: 1 }, 'acme')).toEqual({ width: 8, more: 1 });
  });

  it('refuses schemas that answer later or have no JSON Schema', () => {
    const later = schemaFrom(z.object({ width: z.int().refine(async () => true) }), 'acme config');
    expect(refusal({ width: 8 }, later).code).toBe('schema-foreign');
    const old = { ...fields['~standard'], jsonSchema: undefined };
    expect(() => schemaFrom({ '~standard': old } as never, 'acme config')).toThrow(/zod that cannot say itself/);
    expect(() => schemaFrom(z.object({ at: z.date() }), 'acme config')).toThrow(/without a JSON Schema/);
    expect(() => schemaFrom({} as never, 'acme config')).toThrow(/no Standard Schema/);
  });
});

describe("core's own schema", () => {
  const own = schema.object({ width: schema.described(schema.integer({ min: 1 }), 'Width.') });

  it('goes through the same door and keeps its own sentences', () => {
    expect(schemaFrom(own, 'acme config')).toBe(own);
  });

  it('is a Standard Schema to others', () => {
    const props = own['~standard'];
    expect(props.validate({ width: 8 })).toEqual({ value: { width: 8 } });
    expect(props.validate({ width: 0 })).toEqual({ issues: [{ message: expect.stringContaining('width = 0') }] });
    expect(props.jsonSchema.input({ target: 'draft-07' })).toEqual(own.json);
    expect(own.json.properties!['width']!.description).toBe('Width.');
    expect(() => props.jsonSchema.input({ target: 'openapi-3.0' })).toThrow('not supported');
  });
});
