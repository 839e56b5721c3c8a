/** True of rows `g` that are to end as canceled. */
export const canceledSql = '(g.cancel_asked OR g.cancel_at IS NOT NULL AND g.cancel_at <= tessera_now())';

/**
 * What waits, with its turn: how many generations of its client run or wait before it, plus one. Within a priority those of
 * lower turn go first, so that each client's first comes before anybody's second.
 */
export const waitingSql = `
  SELECT g.id, g.ordinal, g.model, g.batch_key, g.image_count, g.priority, g.created_at,
    coalesce(r.running, 0) + row_number() OVER (PARTITION BY g.priority, g.tenant, g.client ORDER BY g.ordinal) AS turn
  FROM generation g LEFT JOIN (
    SELECT tenant, client, count(*) AS running FROM generation WHERE state = 'running' GROUP BY tenant, client
  ) r ON r.tenant = g.tenant AND r.client = g.client
  WHERE g.state = 'queued' AND (g.attempt > 0 OR g.deadline IS NULL OR g.deadline > tessera_now())
    AND NOT ${canceledSql}`;

/** The order in which rows of `waitingSql` are begun. */
export const orderSql = 'priority DESC, turn, ordinal';

/**
 * The end of a statement whose `moved(id, last_seq, state, said)` has requeued or ended generations: writes their last events
 * and deletes the tokens of what has ended.
 */
export const endingsSql = `
  told AS (
    INSERT INTO event (generation_id, seq, kind, payload, at)
    SELECT id, last_seq, state, said, tessera_now() FROM moved WHERE state <> 'queued'
  ), cleared AS (
    DELETE FROM step_tokens WHERE generation_id IN (SELECT id FROM moved WHERE state <> 'queued')
  )`;
