import { TesseraError } from '@tessera/errors';
import { schema, type Field } from './schema.ts';

/** The type of the values that a field reads. A type can so be derived from its schema. */
export type FieldType<F> = F extends Field<infer T> ? T : never;

/** The type of an object with these fields. */
export type FieldsType<F> = { readonly [K in keyof F]: FieldType<F[K]> };

/** A field that may also be null. */
export function nullable<T>(inner: Field<T>): Field<T | null> {
  return schema.field((value, place) => (value === null ? null : inner.read(value, place)), inner.json);
}

/** Any JSON. The plug-in that it belongs to checks it. */
export const anything: Field<unknown> = schema.field((value) => value);

/** An object with any fields. */
export const record: Field<Readonly<Record<string, unknown>>> = schema.field(
  (value, { who, path }) => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    throw new TesseraError({
      code: 'field-invalid',
      who,
      got: `${path} = ${JSON.stringify(value)}`,
      expected: 'an object',
      next: `Correct ${path}.`,
    });
  },
  { type: 'object' },
);

type Cases = Readonly<Record<string, Field<unknown>>>;
type CaseOf<C extends Cases> = { [K in keyof C]: FieldType<C[K]> }[keyof C];

/** The fields of the entries of a table of kinds, for `byKind`. */
export function fieldsOf<T extends Readonly<Record<string, { readonly fields: Field<unknown> }>>>(
  table: T,
): { readonly [K in keyof T]: T[K]['fields'] } {
  const entries = Object.entries(table).map(([kind, { fields }]) => [kind, fields] as const);
  return Object.fromEntries(entries) as { readonly [K in keyof T]: T[K]['fields'] };
}

/** An object whose field `kind` names which of several shapes it has. */
export function byKind<C extends Cases>(cases: C): Field<CaseOf<C>> {
  const read: Field<CaseOf<C>>['read'] = (value, place) => {
    const kind = typeof value === 'object' && value !== null && 'kind' in value ? String(value.kind) : undefined;
    if (kind !== undefined && Object.hasOwn(cases, kind)) return cases[kind]!.read(value, place) as CaseOf<C>;
    throw new TesseraError({
      code: kind === undefined ? 'field-missing' : 'field-invalid',
      who: place.who,
      got: kind === undefined ? `no ${place.path}.kind` : `${place.path}.kind = "${kind}"`,
      expected: `one of ${Object.keys(cases).join(', ')}`,
      next: `Correct ${place.path}.kind.`,
    });
  };
  return schema.field(read, { type: 'object' });
}
