import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'vitest';

/** What tests read of it. */
export interface OpenApiDocument {
  readonly paths: Record<
    string,
    Record<string, { readonly operationId: string; readonly responses: Record<string, object> }>
  >;
  readonly components: {
    readonly schemas: object;
    readonly responses: Record<string, { readonly content: Record<string, { readonly schema: object }> }>;
  };
}

/** Holds an answer against its schema: what the schema leaves out must not be there either, where it does not say so. */
export function requireAsDocumented(value: unknown, schema: object, components: object): void {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  const valid = ajv.validate(closed({ ...schema, components }), value);
  expect(valid, `${ajv.errorsText()} in ${JSON.stringify(value)}`).toBe(true);
}

/** The same schema without further properties, wherever it names some. */
function closed<T>(schema: T): T {
  if (typeof schema !== 'object' || schema === null) return schema;
  if (Array.isArray(schema)) return schema.map(closed) as T;
  const inner = Object.fromEntries(Object.entries(schema).map(([name, one]) => [name, closed(one as unknown)]));
  return { ...('properties' in inner && inner['type'] === 'object' && { additionalProperties: false }), ...inner } as T;
}
