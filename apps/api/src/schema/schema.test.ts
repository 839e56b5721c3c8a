import { lexicographicSortSchema, printSchema } from 'graphql';
import { expect, it } from 'vitest';
import { createSchema } from './schema.ts';

it('is the schema that schema.graphql shows (npx vitest run -u brings the file up to date)', async () => {
  const text = `${printSchema(lexicographicSortSchema(createSchema()))}\n`;
  await expect(text).toMatchFileSnapshot('../../schema.graphql');
});
