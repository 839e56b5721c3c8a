import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine, Statement } from '../database/engine.ts';
import { openPglite } from '../database/pglite-engine.ts';
import { newDirectory } from '../testing/new-database.ts';
import { openSimulation, runSeeds } from './seeds.ts';

/** A seed that failed: only this one is run. */
const replayed = process.env['TESSERA_SEED'];

let directory: string;
let engine: Engine;
beforeAll(async () => {
  directory = newDirectory();
  engine = await openPglite(directory);
  await openSimulation(engine);
});
afterAll(async () => {
  await engine.close();
  rmSync(directory, { recursive: true });
});

/** A mistake in one statement of the store. */
interface Mistake {
  readonly of: string;
  readonly right: string;
  readonly wrong: string;
  /** What the checker says of it. */
  readonly found: RegExp;
}

const mistakes: Readonly<Record<string, Mistake>> = {
  'no fence': {
    ...{ of: 'append', right: "g.attempt = m.attempt AND g.state = 'running'", wrong: 'true' },
    found: /steps|terminal|gaps|is another/,
  },
  'a fence without the attempt': {
    ...{ of: 'append', right: 'g.attempt = m.attempt AND', wrong: '' },
    found: /steps|other tokens|attempt|is another/,
  },
  'a fence without the state': {
    ...{ of: 'append', right: "AND g.state = 'running'", wrong: '' },
    found: /terminal|is another|is \w+ after/,
  },
  'a reaper that sees no dead worker': {
    ...{ of: 'reap', right: 'AND $4', wrong: 'AND $4 AND false' },
    found: /not one terminal event/,
  },
  'a log that goes back': {
    ...{ of: 'append', right: 'AND g.last_seq < m.last', wrong: '' },
    found: /duplicate key|gaps|is another|steps/,
  },
  'a repetition that takes the event of another for its own': {
    ...{ of: 'append-missing', right: 'AND e.attempt = mine.attempt', wrong: '' },
    found: /is another/,
  },
  'claims of one attempt': {
    ...{ of: 'claim', right: 'attempt = attempt + 1', wrong: 'attempt = greatest(attempt, 1)' },
    found: /two claims of one attempt/,
  },
  'a queue that is not fair': {
    ...{ of: 'claim', right: 'priority DESC, turn, ordinal', wrong: 'priority DESC, ordinal' },
    found: /in place of/,
  },
  'batches of several keys': {
    ...{ of: 'claim', right: 'p.batch_key = head.batch_key AND', wrong: '' },
    found: /in place of/,
  },
  'tokens that stay': {
    ...{ of: 'append', right: 'WHERE ending IS NOT NULL)', wrong: 'WHERE false)' },
    found: /tokens are left/,
  },
  'events that come twice': {
    ...{ of: 'events-after', right: 'e.seq > wanted.after', wrong: 'e.seq >= wanted.after' },
    found: /a reader saw/,
  },
};

function making({ of, right, wrong }: Mistake): (statement: Statement) => Statement {
  return (statement) => {
    if (statement.name !== of) return statement;
    expect(statement.sql).toContain(right);
    const sql = statement.sql.replace(right, wrong);
    return { ...statement, name: `${of} without ${right}`, sql };
  };
}

describe('queue, log and fencing', () => {
  it('keep their promises in 500 simulated storms', async () => {
    const [first, last] = replayed === undefined ? [1, 500] : [Number(replayed), Number(replayed)];
    expect(await runSeeds(engine, { first, last })).toBeNull();
  }, 300_000);

  it('keep their promises in 10,000 more', { tags: ['long'], timeout: 3_600_000 }, async () => {
    expect(await runSeeds(engine, { first: 501, last: 10_500 })).toBeNull();
  });
});

describe.skipIf(replayed !== undefined)('the simulation', { tags: ['long'] }, () => {
  it.each(Object.entries(mistakes))(
    'finds %s',
    async (name, mistake) => {
      const said = await runSeeds(engine, { first: 1, last: 200, change: making(mistake) });
      expect(said).toMatch(mistake.found);
      if (process.env['TESSERA_SEED_REPORT']) console.log(name, said?.slice(0, 200));
    },
    300_000,
  );
});
