import type { GenerationRequest } from '@tessera/request';
import type { Engine, Statement } from '../database/engine.ts';
import type { Claimed, ClaimRequest } from '../store.ts';
import { orderSql, stillQueuedSql, waitingSql } from './order.ts';

/** How long a generation of another key may be passed by those that join a running batch. */
const PATIENCE_MS = 1000;

interface ClaimedRow {
  readonly id: string;
  readonly attempt: number;
  readonly request: GenerationRequest;
  readonly batch_key: string;
  readonly last_seq: number;
  readonly alone: boolean;
  readonly trace: string | null;
  readonly age: number;
  readonly cancel_in: number | null;
  readonly tokens: readonly string[] | null;
  readonly milliseconds: readonly number[] | null;
}

/** $1 worker, $2 models, $3 most images, $4 batch key or null, $5 lease, $6 patience. Two at once lock different rows. */
const claimStatement: Statement = {
  name: 'claim',
  // What an unanswered claim took comes back by `beat`.
  once: true,
  sql: `
  WITH placed AS MATERIALIZED (
    SELECT *, row_number() OVER (ORDER BY ${orderSql}) AS place FROM (${waitingSql}) waiting WHERE model = ANY($2::text[])
  ), impatient AS MATERIALIZED (
    SELECT min(place) AS place FROM placed WHERE batch_key <> $4 AND created_at < tessera_now() - $6 * interval '1 ms'
  ), head AS MATERIALIZED (
    SELECT g.id, g.batch_key, g.alone, g.image_count, p.place
    FROM placed p JOIN generation g ON g.id = p.id
    WHERE ${stillQueuedSql}
      AND EXISTS (SELECT FROM worker WHERE id = $1 AND seen_at > tessera_now() - $5 * interval '1 ms')
      AND ($4::text IS NULL OR g.batch_key = $4 AND NOT g.alone AND g.image_count <= $3 AND p.place < coalesce((SELECT place FROM impatient), p.place + 1))
    ORDER BY p.place LIMIT 1 FOR UPDATE OF g SKIP LOCKED
  ), mates AS MATERIALIZED (
    SELECT g.id, g.image_count, p.place
    FROM head JOIN placed p ON p.batch_key = head.batch_key AND p.id <> head.id JOIN generation g ON g.id = p.id
    WHERE ${stillQueuedSql} AND NOT g.alone AND NOT head.alone AND head.image_count < $3
    ORDER BY p.place LIMIT greatest($3, 0) FOR UPDATE OF g SKIP LOCKED
  ), chosen AS (
    SELECT id, place FROM head
    UNION ALL
    SELECT m.id, m.place FROM (
      SELECT id, place, sum(image_count) OVER (ORDER BY place) AS images FROM mates
    ) m, head WHERE head.image_count + m.images <= $3
  ), taken AS (
    UPDATE generation g
    SET state = 'running', attempt = attempt + 1, worker = $1, started_at = coalesce(started_at, tessera_now())
    FROM chosen WHERE g.id = chosen.id
    RETURNING g.id, g.attempt, g.request, g.batch_key, g.last_seq, g.alone, g.trace, g.created_at, g.cancel_at, chosen.place
  )
  SELECT t.*, extract(epoch FROM tessera_now() - t.created_at)::float8 * 1000 AS age,
    extract(epoch FROM t.cancel_at - tessera_now())::float8 * 1000 AS cancel_in, s.tokens, s.milliseconds
  FROM taken t CROSS JOIN LATERAL (
    SELECT array_agg(encode(tokens, 'base64') ORDER BY seq) AS tokens, array_agg(milliseconds ORDER BY seq) AS milliseconds
    FROM step_tokens WHERE generation_id = t.id
  ) s ORDER BY t.place`,
};

export async function claim(engine: Engine, leaseMs: number, request: ClaimRequest): Promise<readonly Claimed[]> {
  const { worker, models, maxImages, batchKey = null } = request;
  const rows = await engine.run<ClaimedRow>(claimStatement, [
    worker,
    models,
    maxImages,
    batchKey,
    leaseMs,
    PATIENCE_MS,
  ]);
  return rows.map(toClaimed);
}

function toClaimed(row: ClaimedRow): Claimed {
  const { id, attempt, request, alone, trace, age, cancel_in: cancelInMs } = row;
  const tokens = (row.tokens ?? []).map((text) => new Uint8Array(Buffer.from(text, 'base64')));
  return {
    ...{ id, attempt, request, batchKey: row.batch_key, lastSeq: row.last_seq, alone, trace, age, cancelInMs, tokens },
    milliseconds: row.milliseconds ?? [],
  };
}
