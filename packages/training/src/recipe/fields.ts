import { schema, type Field } from '@tessera/schema';
import { TesseraError } from '@tessera/errors';

/** A field that may be null. */
export function nullable<T>(inner: Field<T>): Field<T | null> {
  return schema.field((value, place) => (value === null ? null : inner.read(value, place)), inner.json);
}

/** Any JSON: whoever it belongs to checks it. */
export const anything: Field<unknown> = schema.field((value) => value);

/** An object of any fields. */
export const record: Field<Readonly<Record<string, unknown>>> = schema.field(
  (value, { who, path }) => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    const next = `Correct ${path}.`;
    throw new TesseraError({
      code: 'field-invalid',
      who,
      got: `${path} = ${JSON.stringify(value)}`,
      expected: 'an object',
      next,
    });
  },
  { type: 'object' },
);

type Cases = Readonly<Record<string, Field<unknown>>>;
type CaseOf<C extends Cases> = { [K in keyof C]: C[K] extends Field<infer T> ? T : never }[keyof C];

/** An object whose field `kind` says which of several shapes it has. */
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
