import SchemaBuilder from '@pothos/core';
import ErrorsPlugin from '@pothos/plugin-errors';
import { TesseraError } from '@tessera/errors';
import type { Host } from '@tessera/host';
import type { Generations } from '../generations/generations.ts';

/** What resolvers work with: the same on both transports. */
export interface ApiContext {
  readonly host: Host;
  readonly generations: Generations;
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

/** A fresh builder with the scalars and errors that every type uses. */
export function createBuilder() {
  const builder = new SchemaBuilder<ApiSchemaTypes>({
    plugins: [ErrorsPlugin],
    defaultFieldNullability: false,
    errors: {
      defaultTypes: [TesseraError],
      directResult: true,
      defaultUnionOptions: { name: ({ fieldName }) => `${fieldName[0]!.toUpperCase()}${fieldName.slice(1)}Result` },
    },
  });
  builder.scalarType('SafeInt', {
    description: 'A whole number that a float64 holds exactly: from -(2^53 - 1) to 2^53 - 1.',
    serialize: (value) => value,
    parseValue: parseSafeInt,
  });
  builder.scalarType('DateTime', {
    description: 'A moment as ISO 8601 text in UTC: 2026-11-22T08:30:00.000Z.',
    serialize: (value) => value.toISOString(),
    parseValue: () => {
      throw new TypeError('DateTime is never an input.');
    },
  });
  const errorInterface = builder.interfaceRef<TesseraError>('Error').implement({
    description: 'Why something was refused.',
    fields: (t) => ({
      code: t.exposeString('code', { description: 'Stable, kebab-case: label-out-of-range.' }),
      message: t.exposeString('message', {
        description: 'One sentence: who complains, what it got, what it expected, what to do.',
      }),
    }),
  });
  builder.objectType(TesseraError, {
    name: 'RequestError',
    description: 'The request cannot be carried out as it is.',
    interfaces: [errorInterface],
  });
  return builder;
}

function parseSafeInt(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw new TypeError(`SafeInt must be a whole number of at most 2^53 - 1, got ${JSON.stringify(value)}`);
}
