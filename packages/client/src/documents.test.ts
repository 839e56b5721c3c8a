import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { buildSchema, parse, validate } from 'graphql';
import { expect, it } from 'vitest';
import * as documents from './documents.ts';

const schema = buildSchema(readFileSync(new URL('../../../apps/api/schema.graphql', import.meta.url), 'utf8'));

it('are those of trusted-documents.json, by their hash (npx vitest run -u brings the file up to date)', async () => {
  const hashOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;
  const texts = Object.values(documents);
  for (const text of texts)
    expect([text, validate(schema, parse(text)).map(({ message }) => message)]).toEqual([text, []]);
  expect(texts.length).toBeGreaterThanOrEqual(9);
  const manifest = Object.fromEntries(texts.map((text) => [hashOf(text), text]));
  await expect(`${JSON.stringify(manifest, null, 2)}\n`).toMatchFileSnapshot('../trusted-documents.json');
});
