import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec';
import { TesseraError } from '@tessera/errors';
import type { JsonSchema, Schema } from './json-schema.ts';
import { nearestName } from './nearest-name.ts';

/**
 * A schema of any library that checks values (Standard Schema) and says what it accepts (Standard JSON Schema): the
 * `schema` of this package, zod from 4.2, ArkType, Valibot with its JSON Schema package.
 */
export interface StandardSchema<I = unknown, T = unknown> {
  readonly '~standard': StandardSchemaV1.Props<I, T> & StandardJSONSchemaV1.Props<I, T>;
}

/** What a schema makes of a valid value. */
export type OutputOf<S extends StandardSchema> = StandardSchemaV1.InferOutput<S>;

/** The schemas of this package, whose errors name the field, its value and the nearest known name. */
export const ownVendor = 'tessera';

/**
 * A Standard Schema as the contracts want it. Issues become one sentence that begins with the path; fields that its JSON
 * Schema does not name are refused, also where the library would drop them.
 * @throws TesseraError `schema-foreign` where it has no JSON Schema, `default-invalid`
 */
export function schemaFrom<S extends StandardSchema>(given: S, who: string): Schema<OutputOf<S>> {
  const props = (given as Partial<StandardSchema>)['~standard'];
  if (typeof props?.validate !== 'function') return refuseSchema(who, 'a value that is no Standard Schema');
  if (props.vendor === ownVendor) return given as unknown as Schema<OutputOf<S>>;
  const json = jsonOf(props, who);
  checkDefaults(json, props.validate, who);
  return {
    json,
    parse: (value, asker) => {
      refuseUnknown(value, { json, who: asker });
      const result = props.validate(value);
      if (result instanceof Promise) return refuseSchema(who, `a schema of ${props.vendor} that answers later`);
      if (result.issues) throw issueError(result.issues, asker);
      return result.value as OutputOf<S>;
    },
  };
}

function jsonOf(props: Partial<StandardSchema['~standard']>, who: string): JsonSchema {
  if (typeof props.jsonSchema?.input !== 'function') {
    return refuseSchema(who, `a schema of ${props.vendor} that cannot say itself as JSON Schema`);
  }
  try {
    const entries = Object.entries(props.jsonSchema.input({ target: 'draft-2020-12' }));
    return Object.fromEntries(entries.filter(([name]) => name !== '$schema'));
  } catch (cause) {
    return refuseSchema(who, `a schema of ${props.vendor} without a JSON Schema (${String(cause)})`, cause);
  }
}

function refuseSchema(who: string, got: string, cause?: unknown): never {
  throw new TesseraError({
    code: 'schema-foreign',
    who,
    got,
    expected: 'one that answers at once and speaks Standard JSON Schema',
    next: "Use schema of @tessera/plugin-kit, zod from 4.2, or another library of Standard JSON Schema's list.",
    ...(cause !== undefined && { cause }),
  });
}

interface Names {
  readonly json: JsonSchema;
  readonly who: string;
}

/** A schema that lists its properties, and does not say whether others are allowed, refuses others. */
function refuseUnknown(value: unknown, { json: { properties, additionalProperties }, who }: Names): void {
  if (properties === undefined || additionalProperties !== undefined) return;
  if (typeof value !== 'object' || value === null) return;
  const known = Object.keys(properties);
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const near = nearestName(unknown, known);
  throw new TesseraError({
    code: 'field-unknown',
    who,
    got: `the unknown field ${unknown}`,
    expected: known.length === 0 ? 'no fields at all' : `only ${known.join(', ')}`,
    next: near === null ? 'Remove it.' : `Did you mean ${near}?`,
  });
}

function issueError(issues: readonly StandardSchemaV1.Issue[], who: string): TesseraError {
  const [first, ...others] = issues.map(({ path = [], message }) => ({ path: pathOf(path), message }));
  const more = others.length > 0 ? ` (and ${others.length} more)` : '';
  const path = first?.path || 'the value';
  return new TesseraError({
    code: 'field-invalid',
    who,
    got: `${path} wrong: ${first?.message ?? 'no reason given'}${more}`,
    expected: `${path} as its schema says`,
    next: `Correct ${path}.`,
  });
}

/**
 * Libraries do not check their defaults. Here the schema reads an object of all its defaults: an issue at one of them,
 * and not at a missing field, is an error of the definition.
 * @throws TesseraError `default-invalid`
 */
function checkDefaults(json: JsonSchema, validate: StandardSchemaV1.Props['validate'], who: string): void {
  const paths: string[] = [];
  const given = defaultsOf(json, '', paths);
  if (paths.length === 0) return;
  const result = validate(given);
  if (result instanceof Promise || !result.issues) return;
  for (const { path = [], message } of result.issues) {
    const at = pathOf(path);
    if (paths.some((one) => at === one || at.startsWith(`${one}.`) || at.startsWith(`${one}[`))) {
      throw new TesseraError({
        code: 'default-invalid',
        who,
        got: `a default of ${at} that its own schema refuses: ${message}`,
        expected: 'a default that it accepts',
        next: 'Correct the default or the schema.',
      });
    }
  }
}

/** An object of all defaults below; their paths are added to `paths`. */
function defaultsOf({ properties = {} }: JsonSchema, at: string, paths: string[]): object {
  const entries = Object.entries(properties).flatMap(([name, property]): [string, unknown][] => {
    const path = at === '' ? name : `${at}.${name}`;
    if (property.default !== undefined) {
      paths.push(path);
      return [[name, property.default]];
    }
    return property.properties ? [[name, defaultsOf(property, path, paths)]] : [];
  });
  return Object.fromEntries(entries);
}

/** `scales[2].width` */
function pathOf(path: NonNullable<StandardSchemaV1.Issue['path']>): string {
  const keys = path.map((segment) => (typeof segment === 'object' ? segment.key : segment));
  return keys.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    return text === '' ? String(key) : `${text}.${String(key)}`;
  }, '');
}
