import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSchema, findBreakingChanges } from 'graphql';
import { expect, it } from 'vitest';
import { createSchema } from './schema.ts';

const api = join(import.meta.dirname, '../..');
/** As it was in the last release. A release copies schema.graphql there, and empties schema.breaking.json. */
const released = buildSchema(readFileSync(join(api, 'schema.released.graphql'), 'utf8'));

interface Accepted {
  readonly reason: string;
  readonly changes: readonly string[];
}

it('breaks nothing of the last release but what schema.breaking.json gives a reason for', () => {
  const breaking = findBreakingChanges(released, createSchema()).map(({ description }) => description);
  const accepted = JSON.parse(readFileSync(join(api, 'schema.breaking.json'), 'utf8')) as readonly Accepted[];
  for (const { reason } of accepted) expect(reason).toMatch(/^[A-Z].+\.$/);
  expect(breaking.toSorted()).toEqual(accepted.flatMap(({ changes }) => changes).toSorted());
});

it('takes what is asked for in the wrong way for a break', () => {
  const before = buildSchema('type Query { a(b: Int): String! c: [Int!]! }');
  const after = buildSchema('type Query { a(b: Int!): String c: [Int!]! }');
  expect(findBreakingChanges(before, after).length).toBe(2);
});
