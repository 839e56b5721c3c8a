import SchemaBuilder from '@pothos/core';
import ComplexityPlugin from '@pothos/plugin-complexity';
import ErrorsPlugin from '@pothos/plugin-errors';
import { TesseraError } from '@tessera/errors';
import type { Host } from '@tessera/host';
import type { Owner } from '@tessera/store';
import type { Generations } from '../generations/generations.ts';
import type { Caller } from '../guard/caller.ts';
import type { ImageUrls } from '../guard/image-urls.ts';

/** What the server has, the same for all who ask. */
export interface ApiParts {
  readonly host: Host;
  readonly generations: Generations;
  readonly urls: ImageUrls;
  /** Says nothing of the schema but what was asked for: no introspection, no suggestions. */
  readonly hardened: boolean;
}

/** What resolvers work with, on every transport. */
export interface ApiContext extends ApiParts {
  /** Whose everything is that a resolver finds or makes. */
  readonly owner: Owner;
  readonly caller: Caller;
  /** The last event that its client has seen, of a stream that goes on; null where it says none. */
  readonly resumeAfter: number | null;
}

export function contextOf(parts: ApiParts, caller: Caller, resumeAfter: number | null = null): ApiContext {
  return { ...parts, owner: caller.owner, caller, resumeAfter };
}

export interface ApiSchemaTypes {
  Context: ApiContext;
  DefaultFieldNullability: false;
  Scalars: {
    SafeInt: { Input: number; Output: number };
    DateTime: { Input: Date; Output: Date };
    JSONObject: { Input: Readonly<Record<string, unknown>>; Output: object };
  };
}

export type ApiBuilder = ReturnType<typeof createBuilder>;

/** A fresh builder with the scalars that every type uses. */
export function createBuilder() {
  const builder = new SchemaBuilder<ApiSchemaTypes>({
    plugins: [ErrorsPlugin, ComplexityPlugin],
    // Counted before anything runs: see check-operation.ts.
    complexity: { disabled: true },
    defaultFieldNullability: false,
    errors: {
      defaultTypes: [TesseraError],
      directResult: true,
      defaultUnionOptions: {
        description: 'What was asked for, or why it was refused.',
        name: ({ fieldName }) => `${fieldName[0]!.toUpperCase()}${fieldName.slice(1)}Result`,
      },
    },
  });
  builder.scalarType('SafeInt', {
    description: 'A whole number that a float64 holds exactly: from -(2^53 - 1) to 2^53 - 1.',
    specifiedByURL: 'https://tc39.es/ecma262/#sec-number.issafeinteger',
    serialize: (value) => value,
    parseValue: parseSafeInt,
  });
  builder.scalarType('DateTime', {
    description: 'A moment as ISO 8601 text in UTC: 2026-11-22T08:30:00.000Z.',
    specifiedByURL: 'https://scalars.graphql.org/andimarek/date-time.html',
    serialize: (value) => value.toISOString(),
    parseValue: () => {
      throw new TypeError('DateTime is never an input.');
    },
  });
  addJsonObject(builder);
  return builder;
}

function parseSafeInt(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw new TypeError(`SafeInt must be a whole number of at most 2^53 - 1, got ${JSON.stringify(value)}`);
}

/** How deep values may be nested: far more than any option needs, and safe for the stack. */
const MOST_DEPTH = 16;

/** Objects whose fields the schema cannot know: they are the model's. */
function addJsonObject(builder: ApiBuilder): void {
  builder.scalarType('JSONObject', {
    description: `An object of JSON values, nested at most ${MOST_DEPTH} deep.`,
    specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259#section-4',
    serialize: (value) => value,
    parseValue: parseJsonObject,
  });
}

function parseJsonObject(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError('JSONObject must be an object');
  }
  if (!isShallow(value, MOST_DEPTH)) throw new TypeError(`JSONObject must be at most ${MOST_DEPTH} values deep`);
  return value as Readonly<Record<string, unknown>>;
}

function isShallow(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return depth > 0 && Object.values(value).every((one) => isShallow(one, depth - 1));
}
