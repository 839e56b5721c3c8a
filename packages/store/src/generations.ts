import type { Engine, Statement } from './database/engine.ts';
import { create } from './create.ts';
import { isUuid, jsonOf } from './json.ts';
import { listing } from './listing.ts';
import { places } from './queue/places.ts';
import { hasEnded, type Generation, type GenerationEvent } from './records.ts';
import { generationColumns, toEvent, toGeneration, type EventRow, type GenerationRow } from './rows.ts';
import type { Ending, GenerationRecords, Hint } from './store.ts';

interface RecordsParts {
  readonly engine: Engine;
  readonly leaseMs: number;
  readonly tell: (hints: readonly Hint[]) => void;
}

export function generationRecords({ engine, leaseMs, tell }: RecordsParts): GenerationRecords {
  return {
    ...listing(engine),
    async create(generation, limits) {
      const made = await create(engine, generation, limits);
      if (!made.existed) tell([{ kind: 'queue', id: '' }]);
      return made;
    },
    find: (id, tenant) => find(engine, id, tenant),
    async cancel(id) {
      if (!isUuid(id)) return null;
      const [row] = await engine.run<GenerationRow>(cancelStatement, [id]);
      if (!row) return find(engine, id, null);
      const canceled = toGeneration(row);
      const hint: Hint = { kind: 'cancel', id };
      tell([row.state === 'canceled' ? { kind: 'events', id, ending: canceledEnding(row.request.model) } : hint]);
      return canceled;
    },
    async remove(id) {
      if (!isUuid(id)) return false;
      // A repeated statement finds nothing any more, although the one whose answer was lost has removed it.
      const before = await find(engine, id, null);
      const [row] = await engine.run<Pick<GenerationRow, 'state'> & { readonly model: string }>(removeStatement, [id]);
      if (!before && !row) return false;
      tell([
        { kind: 'cancel', id },
        { kind: 'events', id, ...(row && !hasEnded(row) && { ending: canceledEnding(row.model) }) },
      ]);
      return true;
    },
    eventsAfter: (wanted) => eventsAfter(engine, wanted),
    places: () => places(engine, leaseMs),
  };
}

const findStatement: Statement = {
  name: 'find',
  sql: `SELECT ${generationColumns} FROM generation g WHERE id = $1 AND ($2::text IS NULL OR tenant = $2)`,
};

async function find(engine: Engine, id: string, tenant: string | null): Promise<Generation | null> {
  if (!isUuid(id)) return null;
  const [row] = await engine.run<GenerationRow>(findStatement, [id, tenant]);
  return row ? toGeneration(row) : null;
}

/** A queued one ends here; the worker of a running one learns it. */
const cancelStatement: Statement = {
  name: 'cancel',
  sql: `
  WITH asked AS (
    UPDATE generation
    SET cancel_asked = true, last_seq = last_seq + (state = 'queued')::int,
      finished_at = CASE state WHEN 'queued' THEN tessera_now() END,
      state = CASE state WHEN 'queued' THEN 'canceled' ELSE state END
    WHERE id = $1 AND state IN ('queued', 'running') RETURNING *
  ), told AS (
    INSERT INTO event (generation_id, seq, kind, payload, at)
    SELECT id, last_seq, 'canceled', '{}', tessera_now() FROM asked WHERE state = 'canceled'
  ), cleared AS (
    DELETE FROM step_tokens WHERE generation_id IN (SELECT id FROM asked WHERE state = 'canceled')
  )
  SELECT ${generationColumns} FROM asked g`,
};

const removeStatement: Statement = {
  name: 'remove',
  sql: 'DELETE FROM generation WHERE id = $1 RETURNING model, state',
};

const canceledEnding = (model: string): Ending => ({ model, state: 'canceled', code: '' });

const eventsStatement: Statement = {
  name: 'events-after',
  sql: `
  SELECT g.id, e.seq, e.kind, e.payload, e.at
  FROM jsonb_to_recordset($1::jsonb) AS wanted (id uuid, after integer, most integer)
  JOIN generation g ON g.id = wanted.id
  LEFT JOIN event e ON e.generation_id = g.id AND e.seq > wanted.after AND e.seq <= wanted.after + wanted.most
  ORDER BY g.id, e.seq`,
};

async function eventsAfter(
  engine: Engine,
  wanted: Parameters<GenerationRecords['eventsAfter']>[0],
): Promise<ReadonlyMap<string, readonly GenerationEvent[]>> {
  const asked = wanted.filter(({ id }) => isUuid(id)).map(({ id, after, most }) => ({ id, after, most }));
  if (asked.length === 0) return new Map();
  // `seq` is null where a generation has nothing new.
  const rows = await engine.run<EventRow & { readonly seq: number | null }>(eventsStatement, [jsonOf(asked)]);
  const events = new Map<string, GenerationEvent[]>();
  for (const row of rows) {
    const own = events.get(row.id) ?? [];
    events.set(row.id, own);
    if (row.seq !== null) own.push(toEvent(row));
  }
  return events;
}
