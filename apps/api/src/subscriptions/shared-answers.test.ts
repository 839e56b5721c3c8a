import { buildSchema, parse, type ExecutionResult, type FormattedExecutionResult } from 'graphql';
import { expect, it } from 'vitest';
import { sharedAnswers } from './shared-answers.ts';

const schema = buildSchema('type Query { a: Int } type Subscription { count(from: Int!): Int }');
const events = Array.from({ length: 5 }, (_, index) => {
  const event = { executions: 0, count: () => (event.executions++, index) };
  return event;
});

async function* source({ from }: { from: number }) {
  yield* events.slice(from);
}

const format = (result: ExecutionResult) => result as FormattedExecutionResult;

it('executes an event once for all who sent the same document and variables, and once more for others', async () => {
  const answersOf = sharedAnswers(format);
  const contextValue = { owner: { tenant: '' }, urls: { period: () => '' } };
  const read = async (query: string, from: number): Promise<string[]> => {
    const args = {
      schema,
      document: parse(query),
      rootValue: { count: source },
      variableValues: { from },
      contextValue,
    };
    const answers = await answersOf(args);
    if (!('next' in answers)) throw new Error(JSON.stringify(answers));
    const all: string[] = [];
    for (let one = await answers.next(false); one !== null; one = await answers.next(false)) all.push(one.text);
    return all;
  };
  const query = 'subscription ($from: Int!) { count(from: $from) }';
  const all = await Promise.all(Array.from({ length: 50 }, () => read(query, 0)));
  for (const one of all) expect(one).toEqual([0, 1, 2, 3, 4].map((count) => JSON.stringify({ data: { count } })));
  expect(events.map(({ executions }) => executions)).toEqual([1, 1, 1, 1, 1]);
  // Wherever they begin.
  expect(await read(query, 2)).toEqual(all[0]!.slice(2));
  expect(events.map(({ executions }) => executions)).toEqual([1, 1, 1, 1, 1]);
  expect(await read(query.replace('{ count', '{ n: count'), 3)).toEqual(['{"data":{"n":3}}', '{"data":{"n":4}}']);
  expect(events.map(({ executions }) => executions)).toEqual([1, 1, 1, 2, 2]);
});
