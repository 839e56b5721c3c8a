import { describe, expect, it } from 'vitest';
import { anything, byKind, fieldsOf, nullable, record, type FieldType } from './fields.ts';
import { schema } from './schema.ts';

const shapes = byKind(
  fieldsOf({
    circle: { fields: schema.object({ kind: schema.choice('circle'), radius: schema.number({ min: 0 }) }) },
    square: { fields: schema.object({ kind: schema.choice('square'), side: schema.number({ min: 0 }) }) },
  }),
);

describe('an object by kind', () => {
  it('is read by the fields of its kind', () => {
    const shape: FieldType<typeof shapes> = shapes.parse({ kind: 'square', side: 2 }, 'test');
    expect(shape).toEqual({ kind: 'square', side: 2 });
    expect(() => shapes.parse({ kind: 'circle', side: 2 }, 'test')).toThrowError(/the unknown field side/);
  });

  it.each([
    [{ side: 2 }, 'field-missing', /no shape\.kind; expected one of circle, square/],
    [{ kind: 'line' }, 'field-invalid', /shape\.kind = "line"; expected one of circle, square/],
    [null, 'field-missing', /no shape\.kind/],
  ])('is refused where its kind is unknown: %j', (value, code, message) => {
    const read = () => shapes.read(value, { who: 'test', path: 'shape' });
    expect(read).toThrowError(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });
});

describe('further fields', () => {
  const fields = schema.object({ limit: nullable(schema.integer()), options: record, config: anything });

  it('take null, any object and any value', () => {
    const value = { limit: null, options: { a: 1 }, config: ['x'] };
    expect(fields.parse(value, 'test')).toEqual(value);
  });

  it('refuse what they do not take', () => {
    expect(() => fields.parse({ limit: 'x', options: {}, config: 0 }, 'test')).toThrowError(/limit = "x"/);
    expect(() => fields.parse({ limit: 1, options: [], config: 0 }, 'test')).toThrowError(
      /options = \[\]; expected an object/,
    );
  });
});
