import { readFileSync } from 'node:fs';
import { codegen } from '@graphql-codegen/core';
import * as operationsPlugin from '@graphql-codegen/typescript-operations';
import { Kind, parse, type DocumentNode } from 'graphql';
import { format } from 'prettier';
import { expect, it } from 'vitest';
import * as documents from './documents.ts';

const schema = readFileSync(new URL('../../../apps/api/schema.graphql', import.meta.url), 'utf8');
/** All documents as one: fragments stand in each that spreads them. */
function once(sources: readonly string[]): DocumentNode {
  const all = sources.flatMap((source) => parse(source).definitions);
  const names = all.map((one) => ('name' in one ? one.name?.value : undefined));
  return { kind: Kind.DOCUMENT, definitions: all.filter((_, i) => names.indexOf(names[i]) === i) };
}

const scalar = (type: string) => ({ input: type, output: type });

function typesOf(schemaText: string): Promise<string> {
  const config = {
    scalars: {
      DateTime: scalar('string'),
      JSONObject: scalar('Readonly<Record<string, unknown>>'),
      NumberLists: scalar('ReadonlyArray<ReadonlyArray<ReadonlyArray<number>>>'),
      SafeInt: scalar('number'),
      URI: scalar('string'),
      ID: scalar('string'),
    },
    strictScalars: true,
    immutableTypes: true,
    enumsAsTypes: true,
    enumType: 'string-literal',
    onlyOperationTypes: true,
    useTypeImports: true,
    dedupeFragments: true,
    inlineFragmentTypes: 'inline',
    avoidOptionals: { field: true, inputValue: false },
  };
  return codegen({
    schema: parse(schemaText),
    documents: [{ location: 'documents.ts', document: once(Object.values(documents)) }],
    config: {},
    filename: 'generated.ts',
    pluginMap: { operationsPlugin },
    plugins: [{ operationsPlugin: config }],
  });
}

it('is what the schema and the documents say (npx vitest run -u brings the file up to date)', async () => {
  const text = await typesOf(schema);
  const header = '/* Made from apps/api/schema.graphql and documents.ts: see generated.test.ts. */\n';
  const options = { parser: 'typescript', singleQuote: true, printWidth: 120 };
  await expect(await format(header + text, options)).toMatchFileSnapshot('generated.ts');
});

it('cannot be made where the schema has another name for what is asked', async () => {
  const changed = schema.replace('  milliseconds: Float!', '  duration: Float!');
  await expect(typesOf(changed)).rejects.toThrow('Cannot query field "milliseconds" on type "StepEvent"');
});
