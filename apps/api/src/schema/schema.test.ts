import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  getIntrospectionQuery,
  graphqlSync,
  lexicographicSortSchema,
  printSchema,
  type IntrospectionQuery,
  type IntrospectionType,
} from 'graphql';
import { describe, expect, it } from 'vitest';
import { errorCodes } from './error-codes.ts';
import { createSchema } from './schema.ts';

it('is the schema that schema.graphql shows (npx vitest run -u brings the file up to date)', async () => {
  const text = `${printSchema(lexicographicSortSchema(createSchema()))}\n`;
  await expect(text).toMatchFileSnapshot('../../schema.graphql');
});

describe('what introspection shows', () => {
  const source = getIntrospectionQuery({ specifiedByUrl: true, inputValueDeprecation: true });
  const { __schema } = graphqlSync({ schema: createSchema(), source }).data as unknown as IntrospectionQuery;
  const own = __schema.types.filter(({ name }) => !name.startsWith('__'));

  it('describes every type, field, argument and value', () => {
    expect(own.flatMap(bareParts)).toEqual([]);
  });

  it('says of every scalar where it is specified', () => {
    const scalars = own.filter(({ kind, name }) => kind === 'SCALAR' && !isBuiltIn(name));
    expect(scalars.map(({ name }) => name).sort()).toEqual(['DateTime', 'JSONObject', 'NumberLists', 'SafeInt', 'URI']);
    for (const scalar of scalars)
      expect(scalar).toMatchObject({ specifiedByURL: expect.stringMatching(/^https:/) as string });
  });

  it('has a value for every code that requests meet', () => {
    const root = resolve(import.meta.dirname, '../../../..');
    const places = [
      'apps/api/src/generations',
      'apps/api/src/schema',
      'packages/host/src/errors.ts',
      'packages/host/src/protocol.ts',
      'packages/host/src/read-edit.ts',
      'packages/request/src',
      'packages/models/src/edit.ts',
      'packages/core/src/options.ts',
      'packages/pictures/src/open-picture.ts',
      'packages/pictures/src/prepare-edit.ts',
    ];
    const codes = places
      .flatMap((place) => sources(join(root, place)))
      .flatMap((text) => [...text.matchAll(/\bcode: '([a-z-]+)'/g)]);
    expect(codes.length).toBeGreaterThan(25);
    // What is wrong with a plug-in itself is said when its model is opened.
    const ofPlugins = ['option-taken', 'option-name'];
    const met = ['storage-failed', ...codes.map(([, code]) => code!)].filter((code) => !ofPlugins.includes(code));
    expect([...new Set(met)].filter((code) => !(code in errorCodes))).toEqual([]);
  });
});

function sources(path: string): string[] {
  if (path.endsWith('.ts')) return [readFileSync(path, 'utf8')];
  const names = readdirSync(path).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));
  return names.map((name) => readFileSync(join(path, name), 'utf8'));
}

function isBuiltIn(name: string): boolean {
  return ['Boolean', 'Float', 'ID', 'Int', 'String'].includes(name);
}

interface Part {
  readonly name: string;
  readonly description?: string | null | undefined;
}

function bareParts(type: IntrospectionType): string[] {
  const members: [string, Part][] = [[type.name, type]];
  if ('fields' in type) {
    for (const field of type.fields ?? []) {
      members.push([`${type.name}.${field.name}`, field]);
      for (const argument of field.args) members.push([`${type.name}.${field.name}(${argument.name})`, argument]);
    }
  }
  if ('inputFields' in type) {
    for (const field of type.inputFields ?? []) members.push([`${type.name}.${field.name}`, field]);
  }
  if ('enumValues' in type)
    for (const value of type.enumValues ?? []) members.push([`${type.name}.${value.name}`, value]);
  return members.filter(([, { description }]) => !description?.trim()).map(([path]) => path);
}
