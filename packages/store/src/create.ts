import { isDeepStrictEqual } from 'node:util';
import { TesseraError } from '@tessera/errors';
import type { Engine, Statement } from './database/engine.ts';
import { jsonOf } from './json.ts';
import { openSql } from './queue/order.ts';
import type { Generation } from './records.ts';
import { generationColumns, toGeneration, type GenerationRow } from './rows.ts';
import type { NewGeneration, QueueLimits } from './store.ts';

/** What the database says: whether a generation was made or found, and how full the queue is. */
interface Answer extends GenerationRow {
  /** null: neither, so it was refused, or another process made it at the same time, or it is to be made alone. */
  readonly made: boolean | null;
  readonly waiting: number;
  readonly own: number;
  /** So near to the limit that those created at the same moment might pass it together. */
  readonly near: boolean;
  readonly near_own: boolean;
}

/** No other generation, or none of the same client, is created at the same time. */
interface Alone {
  readonly all: boolean;
  readonly own: boolean;
}

/**
 * Its position, as `waitingSql` counts turns: of each client those of higher priority and, beside it, those whose turn comes
 * no later than its own. $14 and $15 are the limits, $16 and $17 whether it is created alone: `tessera_room` counts what waits
 * behind its locks, which last until the generation is committed.
 */
const createStatement: Statement = {
  name: 'create',
  sql: `
  WITH clients AS MATERIALIZED (
    SELECT tenant = $3 AND client = $4 AS own, count(*) FILTER (WHERE running) AS running,
      count(*) FILTER (WHERE waits AND priority > $8) AS before, count(*) FILTER (WHERE waits AND priority = $8) AS beside
    FROM (${openSql}) open GROUP BY tenant, client
  ), mine AS (
    SELECT 1 + coalesce(sum(running + beside) FILTER (WHERE own), 0) AS turn FROM clients
  ), full_of AS MATERIALIZED (
    SELECT * FROM tessera_room($3, $4, $14, $15, $16, $17)
  ), known AS (
    SELECT * FROM generation WHERE id = $1 OR tenant = $3 AND idempotency_key = $10
  ), made AS (
    INSERT INTO generation (id, model, tenant, client, request, state, last_seq, batch_key, image_count, priority, deadline,
      idempotency_key, retry_of, trace, created_at, cancel_at)
    SELECT $1, $2, $3, $4, $5, 'queued', 1, $6, $7, $8, $9, $10, $11, $12, tessera_now(),
      tessera_now() + $13 * interval '1 ms' FROM full_of
    WHERE waiting < $14 AND own < $15 AND NOT near AND NOT near_own AND NOT EXISTS (SELECT FROM known)
    ON CONFLICT DO NOTHING RETURNING *
  ), told AS (
    INSERT INTO event (generation_id, seq, kind, payload, at)
    SELECT id, 1, 'queued', jsonb_build_object('position', (
      SELECT coalesce(sum(before + least(beside, greatest(0, mine.turn - running))), 0)::int FROM clients, mine
    )), tessera_now() FROM made
  )
  SELECT full_of.*, g.made, ${generationColumns} FROM full_of LEFT JOIN (
    SELECT true AS made, * FROM made UNION ALL SELECT false, * FROM known
  ) g ON true`,
};

export async function create(
  engine: Engine,
  given: NewGeneration,
  limits: QueueLimits,
): Promise<{ readonly generation: Generation; readonly existed: boolean }> {
  let alone: Alone = { all: false, own: false };
  for (;;) {
    const [answer] = await engine.run<Answer>(createStatement, valuesOf(given, limits, alone));
    if (answer!.made === null) {
      if (answer!.waiting >= limits.maxQueue || answer!.own >= limits.maxQueueOfClient) {
        throw queueFull(answer!, limits, await secondsToRoom(engine));
      }
      // Where neither is near, another process has used its key at the same moment: now it can be seen.
      alone = { all: alone.all || answer!.near, own: alone.own || answer!.near_own };
      continue;
    }
    const generation = toGeneration(answer!);
    // The same id: an earlier call of ours was carried out although it failed.
    if (answer!.made || generation.id === given.id) return { generation, existed: false };
    if (!isDeepStrictEqual(generation.request, JSON.parse(jsonOf(given.request)))) throw conflict(given, generation.id);
    return { generation, existed: true };
  }
}

function valuesOf(given: NewGeneration, { maxQueue, maxQueueOfClient }: QueueLimits, alone: Alone): unknown[] {
  const {
    id,
    owner,
    request,
    batchKey,
    priority,
    deadline,
    idempotencyKey,
    retryOf,
    trace = null,
    cancelAfterMs = null,
  } = given;
  return [
    ...[id, request.model, owner.tenant, owner.client, jsonOf(request), batchKey, request.images.length, priority],
    ...[deadline, idempotencyKey, retryOf, trace, cancelAfterMs, maxQueue, maxQueueOfClient, alone.all, alone.own],
  ];
}

/** Mean time between two that left the queue in the last minute, in whole seconds from 1 to 60. */
const leavingStatement: Statement = {
  name: 'leaving',
  sql: `
  SELECT count(*)::int AS left FROM generation
  WHERE ordinal > (SELECT max(ordinal) - 10000 FROM generation) AND started_at > tessera_now() - interval '1 minute'`,
};

async function secondsToRoom(engine: Engine): Promise<number> {
  const [row] = await engine.run<{ left: number }>(leavingStatement);
  return Math.max(1, Math.ceil(60 / Math.max(1, row!.left)));
}

function queueFull({ waiting }: Answer, { maxQueue, maxQueueOfClient }: QueueLimits, retryAfter: number): TesseraError {
  const all = waiting >= maxQueue;
  const most = all ? maxQueue : maxQueueOfClient;
  return new TesseraError({
    code: 'queue-full',
    who: 'createGeneration',
    got: all ? `one more generation while ${waiting} wait` : `one more generation of a client of whom ${most} wait`,
    expected: all ? `at most ${most} waiting` : `at most ${most} waiting of each client`,
    next: `Send it again in ${retryAfter} s, or cancel one.`,
    retryAfter,
  });
}

function conflict({ idempotencyKey }: NewGeneration, id: string): TesseraError {
  return new TesseraError({
    code: 'idempotency-conflict',
    who: 'createGeneration',
    got: `the idempotency key ${idempotencyKey} with another request than the one that made generation ${id}`,
    expected: 'the same request, or another key',
    next: 'Use a new key for each new request.',
  });
}
