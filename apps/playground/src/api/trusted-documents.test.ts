import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildSchema, parse, validate } from 'graphql';
import { expect, it } from 'vitest';
import { documentsOfPage, manifest } from '../../trusted-documents.ts';

const schema = buildSchema(readFileSync(new URL('../../../api/schema.graphql', import.meta.url), 'utf8'));

it('has every operation of the page and of the client, whole, by its hash', () => {
  const entries = Object.entries(manifest());
  for (const [name, text] of entries) {
    expect(name).toBe(`sha256:${createHash('sha256').update(text).digest('hex')}`);
    expect([text, validate(schema, parse(text)).map(({ message }) => message)]).toEqual([text, []]);
  }
  const ofPage = documentsOfPage(fileURLToPath(new URL('..', import.meta.url)));
  expect(ofPage.filter((text) => /generationEvents\(id: \$id, after: 0\)/.test(text)).length).toBe(1);
  expect(ofPage.length).toBeGreaterThanOrEqual(6);
  expect(entries.length).toBeGreaterThanOrEqual(ofPage.length + 8);
});
