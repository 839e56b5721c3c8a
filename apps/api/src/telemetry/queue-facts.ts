import type { Store, WorkerState } from '@tessera/store';
import { inTime } from './in-time.ts';
import { shareFor } from './share-for.ts';

/** Pages and Prometheus look every few seconds. */
const FRESH_MS = 500;

/** How the whole service is, whichever of its processes one asks. */
export interface QueueFacts {
  readonly queue: readonly QueueShare[];
  readonly workers: readonly WorkerFacts[];
}

/** What one tenant has in the queue for one model. */
export interface QueueShare {
  readonly model: string;
  readonly tenant: string;
  readonly waiting: number;
  readonly running: number;
  /** How long the oldest that waits has waited, in seconds; null where none waits. */
  readonly oldest: number | null;
}

export interface WorkerFacts extends WorkerState {
  readonly id: string;
  readonly name: string;
  /** Seconds since it started, and since it was last seen. */
  readonly age: number;
  readonly silent: number;
  /** Not heard of for longer than its lease: others take over what it ran. */
  readonly lost: boolean;
}

/** A failure of the last hour, by its code. */
export interface FailureFacts {
  readonly code: string;
  readonly count: number;
  /** Of the newest of them. */
  readonly at: Date;
  readonly model: string;
  readonly message: string;
}

/** One statement over what is open, which an index has, and over the workers. */
const factsSql = `
  SELECT (
    SELECT coalesce(jsonb_agg(share), '[]') FROM (
      SELECT model, tenant,
        count(*) FILTER (WHERE state = 'queued') AS waiting,
        count(*) FILTER (WHERE state = 'running') AS running,
        extract(epoch FROM tessera_now() - min(created_at) FILTER (WHERE state = 'queued'))::float8 AS oldest
      FROM generation WHERE state IN ('queued', 'running') GROUP BY model, tenant ORDER BY model, tenant
    ) share
  ) AS queue, (
    SELECT coalesce(jsonb_agg(one.state || one.facts), '[]') FROM (
      SELECT state, jsonb_build_object('id', id, 'name', name,
        'age', extract(epoch FROM tessera_now() - started_at)::float8,
        'silent', greatest(0, extract(epoch FROM tessera_now() - seen_at))::float8,
        'lost', seen_at < tessera_now() - $1::float8 * interval '1 ms') AS facts
      FROM worker ORDER BY name, id
    ) one
  ) AS workers`;

const failuresSql = `
  SELECT failure ->> 'code' AS code, count(*)::int AS count, max(finished_at) AS at,
    (array_agg(model ORDER BY finished_at DESC))[1] AS model,
    (array_agg(failure ->> 'message' ORDER BY finished_at DESC))[1] AS message
  FROM generation WHERE state = 'failed' AND finished_at > tessera_now() - interval '1 hour'
  GROUP BY 1 ORDER BY count DESC, code LIMIT 50`;

/** How the service is, for its operators. Both throw TesseraError `storage-failed`. */
export interface Overview {
  queue(): Promise<QueueFacts>;
  /** The most frequent first. */
  failures(): Promise<readonly FailureFacts[]>;
}

type OverviewParts = Pick<Store, 'database'> & { readonly queue: Pick<Store['queue'], 'leaseMs'> };

/** Asks the database twice a second at most, however many look. */
export function openOverview({ database, queue: { leaseMs } }: OverviewParts, freshMs = FRESH_MS): Overview {
  return {
    queue: shareFor(freshMs, async () => (await inTime(database.query<QueueFacts>(factsSql, [leaseMs]))).rows[0]!),
    failures: shareFor(freshMs, async () => (await inTime(database.query<FailureFacts>(failuresSql))).rows),
  };
}

/** Ready workers that have a model. */
export function workersWith(model: string, workers: readonly WorkerFacts[]): number {
  const ready = workers.filter((worker) => workerStatus(worker) === 'ready');
  return ready.filter(({ models }) => models.some(({ name }) => name === model)).length;
}

/** Average time of an image of a model, in milliseconds, over the workers that have made one; null where none has. */
export function speedOf(model: string, workers: readonly WorkerFacts[]): number | null {
  const own = workers.flatMap(({ models }) => models.find(({ name }) => name === model)?.millisecondsPerImage ?? []);
  return own.length === 0 ? null : own.reduce((sum, one) => sum + one, 0) / own.length;
}

/** As its own last word says, where it is not too old. */
export function workerStatus({ draining, health, lost }: WorkerFacts): 'ready' | 'draining' | 'unwell' | 'lost' {
  if (lost) return 'lost';
  if (draining) return 'draining';
  return health.status === 'ok' ? 'ready' : 'unwell';
}
