import type { Database } from '@tessera/store';

/** A job that one process at a time does, whichever. */
export interface Job {
  /** Takes it if it is due; no other process does before `seconds` have passed. */
  take(seconds: number): Promise<boolean>;
  /** Is called while the job goes on, and at its end: it is due again in so long. */
  postpone(seconds: number): Promise<void>;
}

export function jobOf(database: Database, name: string): Job {
  return {
    async take(seconds) {
      const { rows } = await database.query(takeSql, [name, seconds]);
      return rows.length > 0;
    },
    async postpone(seconds) {
      await database.query(postponeSql, [name, seconds]);
    },
  };
}

const takeSql = `
  INSERT INTO job (name, due_at) VALUES ($1, tessera_now() + make_interval(secs => $2))
  ON CONFLICT (name) DO UPDATE SET due_at = excluded.due_at WHERE job.due_at <= tessera_now()
  RETURNING name`;

const postponeSql = 'UPDATE job SET due_at = tessera_now() + make_interval(secs => $2) WHERE name = $1';
