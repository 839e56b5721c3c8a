import DataLoader from 'dataloader';
import SchemaBuilder from '@pothos/core';
import ComplexityPlugin from '@pothos/plugin-complexity';
import type { Owner, Picture, PictureRecords } from '@tessera/store';
import type { Generations, Models } from '../generations/generations.ts';
import type { Caller } from '../guard/caller.ts';
import type { ImageUrls } from '../guard/image-urls.ts';
import type { Quotas } from '../guard/quotas.ts';
import type { Streams } from '../streams/streams.ts';
import type { Overview } from '../telemetry/queue-facts.ts';

/** What the server has, the same for all who ask. */
export interface ApiParts {
  readonly models: Models;
  readonly generations: Generations;
  readonly streams: Streams;
  readonly pictureRecords: Pick<PictureRecords, 'find'>;
  readonly urls: ImageUrls;
  readonly quotas: Quotas;
  readonly overview: Overview;
  /** Keeps the schema secret: no introspection, no suggestions. */
  readonly hardened: boolean;
}

/** What resolvers work with, on every transport. */
export interface ApiContext extends ApiParts {
  /** Whose everything is that a resolver finds or makes. */
  readonly owner: Owner;
  readonly caller: Caller;
  /** The last event that its client has seen, of a stream that goes on; null where it says none. */
  readonly resumeAfter: number | null;
  /** The pictures of the owner's tenant, read together where many are asked for. */
  readonly pictures: DataLoader<string, Picture | null>;
}

export function contextOf(parts: ApiParts, caller: Caller, resumeAfter: number | null = null): ApiContext {
  const { owner } = caller;
  const find = async (shas: readonly string[]) => {
    const found = await parts.pictureRecords.find(shas, owner.tenant);
    return shas.map((sha256) => found.get(sha256) ?? null);
  };
  // A socket keeps its context: nothing is remembered.
  return { ...parts, owner, caller, resumeAfter, pictures: new DataLoader(find, { cache: false }) };
}

export interface ApiSchemaTypes {
  Context: ApiContext;
  DefaultFieldNullability: false;
  Scalars: {
    SafeInt: { Input: number; Output: number };
    DateTime: { Input: Date; Output: Date };
    URI: { Input: string; Output: string };
    NumberLists: { Input: never; Output: readonly (readonly (readonly number[])[])[] };
    JSONObject: { Input: Readonly<Record<string, unknown>>; Output: object };
  };
}

export type ApiBuilder = ReturnType<typeof createBuilder>;

/** A fresh builder with the scalars that every type uses. */
export function createBuilder() {
  const builder = new SchemaBuilder<ApiSchemaTypes>({
    plugins: [ComplexityPlugin],
    // Counted before anything runs: see check-operation.ts.
    complexity: { disabled: true },
    defaultFieldNullability: false,
  });
  builder.scalarType('SafeInt', {
    description: 'A whole number that a float64 holds exactly: from -(2^53 - 1) to 2^53 - 1.',
    specifiedByURL: 'https://tc39.es/ecma262/#sec-number.issafeinteger',
    serialize: (value) => value,
    parseValue: parseSafeInt,
  });
  builder.scalarType('DateTime', {
    description: 'A moment as RFC 3339 has it: 2026-11-22T08:30:00.000Z, in answers always in UTC.',
    specifiedByURL: 'https://scalars.graphql.org/andimarek/date-time.html',
    serialize: (value) => value.toISOString(),
    parseValue: parseDateTime,
  });
  builder.scalarType('URI', {
    description: 'Where something is: an address, or a path on this server.',
    specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc3986#section-4.1',
    serialize: (value) => value,
    parseValue: () => {
      throw new TypeError('URI is never an input.');
    },
  });
  builder.scalarType('NumberLists', {
    description: 'For each image a list of its tokens, for each token a list of numbers: [[[7, 3], [1]]].',
    specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259#section-5',
    // As it is: of GraphQL's own lists each number is completed by itself.
    serialize: (value) => value,
    parseValue: () => {
      throw new TypeError('NumberLists is never an input.');
    },
  });
  addJsonObject(builder);
  return builder;
}

function parseSafeInt(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw new TypeError(`SafeInt must be a whole number of at most 2^53 - 1, got ${JSON.stringify(value)}`);
}

function parseDateTime(value: unknown): Date {
  const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/i;
  const date = typeof value === 'string' && form.test(value) ? new Date(value.toUpperCase()) : null;
  if (date && !Number.isNaN(date.getTime())) return date;
  throw new TypeError(`DateTime must be like 2026-11-22T08:30:00Z, got ${JSON.stringify(value)?.slice(0, 60)}`);
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
