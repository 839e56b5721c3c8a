import type { Engine, Statement } from '../database/engine.ts';
import type { QueuePlace } from '../store.ts';
import { orderSql, waitingSql } from './order.ts';

/**
 * $1 lease. The time: what is left of those that run and all of those before, shared by the workers; a model of unknown
 * speed takes as long as the average, and one that no worker has takes none: it does not begin.
 */
const placesStatement: Statement = {
  name: 'places',
  sql: `
  WITH living AS MATERIALIZED (
    SELECT state FROM worker WHERE seen_at > tessera_now() - $1 * interval '1 ms'
  ), speed AS MATERIALIZED (
    SELECT one.name, avg(one."millisecondsPerImage") AS ms, (count(*) FILTER (
      WHERE NOT (state ->> 'draining')::boolean AND state -> 'health' ->> 'status' = 'ok'))::int AS workers
    FROM living, jsonb_to_recordset(state -> 'models') AS one (name text, "millisecondsPerImage" float8)
    GROUP BY one.name
  ), usual AS MATERIALIZED (
    SELECT avg(ms) AS ms, greatest(1, (SELECT count(*) FROM living)) AS workers FROM speed
  ), busy AS MATERIALIZED (
    SELECT coalesce(sum(greatest(0, g.image_count * coalesce(s.ms, u.ms)
      - extract(epoch FROM tessera_now() - g.started_at) * 1000)), 0) AS ms
    FROM usual u, generation g LEFT JOIN speed s ON s.name = g.model WHERE g.state = 'running'
  ), placed AS (
    SELECT w.id, coalesce(s.workers, 0) AS workers,
      CASE WHEN s.workers > 0 THEN w.image_count * coalesce(s.ms, u.ms) ELSE 0 END AS ms, row_number() OVER (ORDER BY ${orderSql}) AS place
    FROM usual u, (${waitingSql}) w LEFT JOIN speed s ON s.name = w.model
  )
  SELECT p.id, (p.place - 1)::int AS position, p.workers, CASE WHEN p.workers > 0
    THEN ((b.ms + sum(p.ms) OVER (ORDER BY p.place) - p.ms) / u.workers)::float8 END AS milliseconds
  FROM placed p, busy b, usual u ORDER BY p.place`,
};

export function places(engine: Engine, leaseMs: number): Promise<readonly QueuePlace[]> {
  return engine.run<QueuePlace>(placesStatement, [leaseMs]);
}
