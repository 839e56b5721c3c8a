import { isTesseraError, TesseraError } from '@tessera/errors';
import type { JsonSchema, Schema } from './json-schema.ts';
import { nearestName } from './nearest-name.ts';
import { ownVendor, type StandardSchema } from './standard-schema.ts';

/** Where a value stands: whose schema reads it, and its path from the outside, as `config.scales[2]`. */
export interface Place {
  readonly who: string;
  readonly path: string;
}

/** One typed field of untrusted JSON. */
export interface Field<T> extends Schema<T>, StandardSchema<unknown, T> {
  /** Returns the value typed, or throws a TesseraError that names the path. */
  read(value: unknown, place: Place): T;
}

type Fields = Readonly<Record<string, Field<unknown>>>;
type ObjectOf<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

interface Range {
  readonly min?: number;
  readonly max?: number;
}

/** A custom field: how to read it, and its JSON Schema. */
function field<T>(read: (value: unknown, place: Place) => T, json: JsonSchema = {}): Field<T> {
  const parse: Schema<T>['parse'] = (value, who) => read(value, { who, path: '' });
  return { json, read, parse, '~standard': standardOf({ json, parse }) };
}

/** The same as a Standard Schema, for libraries that know only that. */
function standardOf<T>({ json, parse }: Schema<T>): StandardSchema<unknown, T>['~standard'] {
  const converted = ({ target }: { readonly target: string }): Record<string, unknown> => {
    if (['draft-2020-12', 'draft-07'].includes(target)) return { ...json };
    throw new Error(`JSON Schema ${target} is not supported; draft-2020-12 and draft-07 are.`);
  };
  return {
    version: 1,
    vendor: ownVendor,
    jsonSchema: { input: converted, output: converted },
    validate: (value) => {
      try {
        return { value: parse(value, 'schema') };
      } catch (error) {
        if (isTesseraError(error)) return { issues: [{ message: error.message }] };
        throw error;
      }
    },
  };
}

const longest = 120;

/** A value as JSON, cut to a length that a sentence can hold. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= longest ? text : `${text.slice(0, longest)}...`;
}

function refuse(place: Place, value: unknown, expected: string, code = 'field-invalid'): never {
  const name = place.path || 'the value';
  const missing = value === undefined;
  throw new TesseraError({
    code: missing ? 'field-missing' : code,
    who: place.who,
    got: missing ? `no ${name}` : `${name} = ${shown(value)}`,
    expected,
    next: missing ? `Add ${name}.` : `Correct ${name}.`,
    field: stepsOf(place.path),
  });
}

/** `images[2].condition` as images, 2, condition. */
function stepsOf(path: string): string[] {
  return path.split(/[.[\]]+/).filter(Boolean);
}

interface Kind {
  readonly type: 'number' | 'integer';
  readonly called: string;
  readonly holds: (value: number) => boolean;
}

function numeric({ type, called, holds }: Kind, { min, max }: Range): Field<number> {
  const range =
    min !== undefined && max !== undefined
      ? ` from ${min} to ${max}`
      : min !== undefined
        ? ` of at least ${min}`
        : max !== undefined
          ? ` of at most ${max}`
          : '';
  const json = { type, ...(min !== undefined && { minimum: min }), ...(max !== undefined && { maximum: max }) };
  return field((value, place) => {
    const fits = typeof value === 'number' && holds(value) && value >= (min ?? -Infinity) && value <= (max ?? Infinity);
    if (fits) return value;
    const exact = Number.isInteger(value) && !holds(value as number) ? ' that is exact, so within 2^53 - 1' : '';
    return refuse(place, value, `${called}${range}${exact}`);
  }, json);
}

/** A finite number. */
function number(range: Range = {}): Field<number> {
  return numeric({ type: 'number', called: 'a number', holds: Number.isFinite }, range);
}

/** A whole number that a float64 holds exactly. */
function integer(range: Range = {}): Field<number> {
  return numeric({ type: 'integer', called: 'an integer', holds: Number.isSafeInteger }, range);
}

function boolean(): Field<boolean> {
  return field((value, place) => (typeof value === 'boolean' ? value : refuse(place, value, 'true or false')), {
    type: 'boolean',
  });
}

function string(): Field<string> {
  return field((value, place) => (typeof value === 'string' ? value : refuse(place, value, 'a string')), {
    type: 'string',
  });
}

/** One of these strings. */
function choice<const T extends string>(...allowed: readonly T[]): Field<T> {
  return field(
    (value, place) => {
      const found = allowed.find((one) => one === value);
      return found ?? refuse(place, value, `one of ${allowed.join(', ')}`);
    },
    { type: 'string', enum: allowed },
  );
}

/** A list, every entry read by `entry`; `min` and `max` bound its length. */
function list<T>(entry: Field<T>, { min = 0, max = Infinity }: Range = {}): Field<readonly T[]> {
  return field(
    (value, place) => {
      if (!Array.isArray(value)) return refuse(place, value, 'a list');
      if (value.length < min || value.length > max) {
        const bounds = max === Infinity ? `at least ${min}` : `${min} to ${max}`;
        return refuse(place, value, `a list of ${bounds} entries`);
      }
      return value.map((one, index) => entry.read(one, { who: place.who, path: `${place.path}[${index}]` }));
    },
    { type: 'array', items: entry.json, minItems: min, ...(max !== Infinity && { maxItems: max }) },
  );
}

/**
 * A field that may be left out and is then `fallback`: what the field itself takes, or null or undefined for nothing.
 * @throws TesseraError `default-invalid`
 */
function optional<T, const D>(inner: Field<T>, fallback: D): Field<T | D> {
  checkDefault(inner, fallback);
  const json = fallback === undefined ? inner.json : { ...inner.json, default: fallback };
  return field((value, place) => (value === undefined ? fallback : inner.read(value, place)), json);
}

function checkDefault(inner: Field<unknown>, fallback: unknown): void {
  if (fallback === undefined || fallback === null) return;
  try {
    inner.read(fallback, { who: 'schema', path: 'the default' });
  } catch (error) {
    if (!(error instanceof TesseraError)) throw error;
    const { got, expected } = error.parts;
    const next = 'Correct the default or the range.';
    throw new TesseraError({ code: 'default-invalid', who: 'schema', got, expected, next, cause: error });
  }
}

/** The same field with a sentence for people: forms and help texts show it. */
function described<T>(inner: Field<T>, description: string): Field<T> {
  return field(inner.read, { ...inner.json, description });
}

/** A plain record of these fields and no others. */
function object<F extends Fields>(fields: F): Field<ObjectOf<F>> {
  const known = Object.keys(fields);
  const required = known.filter((name) => !mayBeLeftOut(fields[name]!));
  return field(
    (value, place) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse(place, value, 'an object');
      for (const name of Object.keys(value)) if (!known.includes(name)) refuseUnknown(name, known, place);
      const entries = known.map((name) => {
        const path = place.path ? `${place.path}.${name}` : name;
        const own = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
        return [name, fields[name]!.read(own, { who: place.who, path })];
      });
      return Object.fromEntries(entries) as ObjectOf<F>;
    },
    {
      type: 'object',
      properties: Object.fromEntries(known.map((name) => [name, fields[name]!.json])),
      ...(required.length > 0 && { required }),
      additionalProperties: false,
    },
  );
}

function mayBeLeftOut(inner: Field<unknown>): boolean {
  try {
    inner.read(undefined, { who: 'schema', path: '' });
    return true;
  } catch {
    return false;
  }
}

function refuseUnknown(name: string, known: readonly string[], { who, path }: Place): never {
  const near = nearestName(name, known);
  throw new TesseraError({
    code: 'field-unknown',
    who,
    got: `the unknown field ${path ? `${path}.` : ''}${name}`,
    expected: known.length === 0 ? 'no fields at all' : `only ${known.join(', ')}`,
    next: near === null ? 'Remove it.' : `Did you mean ${near}?`,
    field: [...stepsOf(path), name],
  });
}

/** A rule that a type cannot say: `rule` returns null when it holds, else what would have been right. */
function refine<T>(inner: Field<T>, rule: (value: T) => string | null, code?: string): Field<T> {
  const refined = field((value, place) => {
    const typed = inner.read(value, place);
    const expected = rule(typed);
    return expected === null ? typed : refuse(place, value, expected, code);
  }, inner.json);
  checkDefault(refined, inner.json.default);
  return refined;
}

/** The configuration of a part that another part holds: `schema.nested(other.config)`. */
function nested<T>(inner: Schema<T>): Field<T> {
  const own = inner as Schema<T> & Partial<Pick<Field<T>, 'read'>>;
  // Of another library, which knows no place.
  const parse = (value: unknown, { who, path }: Place): T => inner.parse(value, path ? `${who}: ${path}` : who);
  return field(own.read ?? parse, inner.json);
}

/** Schemas of configs and options: each reads untrusted JSON into typed values, or says which field is wrong. */
export const schema = {
  object,
  number,
  integer,
  boolean,
  string,
  choice,
  list,
  optional,
  described,
  refine,
  nested,
  field,
} as const;
