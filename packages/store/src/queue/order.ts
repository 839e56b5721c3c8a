/** True of rows `g` that are to end as canceled. */
export const canceledSql = '(g.cancel_asked OR g.cancel_at IS NOT NULL AND g.cancel_at <= tessera_now())';

/**
 * What has not ended, each with whether it `waits`. Two selections, since each has an index of its own: the history beside
 * them may be long.
 */
export const openSql = `
  SELECT g.id, g.ordinal, g.model, g.tenant, g.client, g.batch_key, g.image_count, g.priority, g.created_at, false AS running,
    (g.attempt > 0 OR g.deadline IS NULL OR g.deadline > tessera_now()) AND NOT ${canceledSql} AS waits
  FROM generation g WHERE g.state = 'queued'
  UNION ALL
  SELECT g.id, g.ordinal, g.model, g.tenant, g.client, g.batch_key, g.image_count, g.priority, g.created_at, true, false
  FROM generation g WHERE g.state = 'running'`;

/**
 * What waits, with its turn: how many generations of its client run or wait before it, plus one. Within a priority those of
 * lower turn go first, so that each client's first comes before anybody's second.
 */
export const waitingSql = `
  SELECT id, ordinal, model, batch_key, image_count, priority, created_at,
    beside + row_number() OVER (PARTITION BY priority, tenant, client ORDER BY ordinal) AS turn
  FROM (
    SELECT *, count(*) FILTER (WHERE running) OVER (PARTITION BY tenant, client) AS beside FROM (${openSql}) open
  ) counted WHERE waits`;

/** The order in which rows of `waitingSql` are begun. */
export const orderSql = 'priority DESC, turn, ordinal';

/**
 * True of rows `g` that are queued. No index fits it: those who look rows up by id do so, however few rows the planner
 * takes the queue to have.
 */
export const stillQueuedSql = "g.state || '' = 'queued'";

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
