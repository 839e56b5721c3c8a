import type { Database, EventKind, Owner } from '@tessera/store';

/** A webhook with events that have not been sent. */
export interface DueWebhook {
  readonly generationId: string;
  readonly tenant: string;
  readonly url: string;
  readonly kinds: readonly EventKind[];
  /** Everything up to this event is told. */
  readonly sentSeq: number;
  /** Tries of the next event that failed. */
  readonly failures: number;
}

/** No other process claims a webhook in this time: longer than one request takes. */
const LEASE_SECONDS = 60;
/** A webhook comes before its generation; after so long none comes any more. */
const ORPHAN_SECONDS = 600;

/** The table `webhook`: the events themselves are those of the log. */
export interface WebhookRecords {
  add(generationId: string, owner: Owner, webhook: { url: string; kinds: readonly EventKind[] }): Promise<void>;
  /** Takes webhooks with events that are not told yet; another process takes others. */
  claim(most: number): Promise<readonly DueWebhook[]>;
  told(generationId: string, seq: number): Promise<void>;
  failed(generationId: string, retryInSeconds: number): Promise<void>;
  remove(generationId: string): Promise<void>;
  /** Removes those whose generation was never made, or is deleted. */
  removeOrphans(): Promise<void>;
}

export function webhookRecords(database: Database): WebhookRecords {
  const run = async (sql: string, values: readonly unknown[] = []) => void (await database.query(sql, values));
  return {
    add: (id, { tenant }, { url, kinds }) => run(addSql, [id, tenant, url, kinds]),
    async claim(most) {
      const { rows } = await database.query<DueWebhook>(claimSql, [most, LEASE_SECONDS]);
      return rows;
    },
    told: (id, seq) => run(toldSql, [id, seq]),
    failed: (id, seconds) => run(failedSql, [id, seconds]),
    remove: (id) => run('DELETE FROM webhook WHERE generation_id = $1', [id]),
    removeOrphans: () => run(orphansSql, [ORPHAN_SECONDS]),
  };
}

const addSql = `
  INSERT INTO webhook (generation_id, tenant, url, kinds, next_at, created_at)
  VALUES ($1, $2, $3, $4, tessera_now(), tessera_now()) ON CONFLICT DO NOTHING`;

const claimSql = `
  UPDATE webhook SET next_at = tessera_now() + make_interval(secs => $2)
  WHERE generation_id IN (
    SELECT w.generation_id FROM webhook w JOIN generation g ON g.id = w.generation_id
    WHERE w.next_at <= tessera_now() AND g.last_seq > w.sent_seq
      AND (w.kinds && '{started,step}' OR g.state IN ('completed', 'failed', 'canceled'))
    ORDER BY w.next_at LIMIT $1 FOR UPDATE OF w SKIP LOCKED
  )
  RETURNING generation_id AS "generationId", tenant, url, kinds, sent_seq AS "sentSeq", failures`;

const toldSql = `
  UPDATE webhook SET sent_seq = greatest(sent_seq, $2), failures = 0, next_at = tessera_now() WHERE generation_id = $1`;

const failedSql = `
  UPDATE webhook SET failures = failures + 1, next_at = tessera_now() + make_interval(secs => $2)
  WHERE generation_id = $1`;

const orphansSql = `
  DELETE FROM webhook w WHERE created_at < tessera_now() - make_interval(secs => $1)
    AND NOT EXISTS (SELECT FROM generation g WHERE g.id = w.generation_id)`;
