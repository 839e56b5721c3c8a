import type { Blobs } from '@tessera/blobs';
import type { Store } from '@tessera/store';
import { log, troubleOf } from '@tessera/telemetry';
import { jobOf, type Job } from './job.ts';
import type { UpkeepOptions } from './upkeep-options.ts';

export interface UpkeepParts extends UpkeepOptions {
  readonly store: Store;
  readonly blobs: Blobs;
}

/** Deletes by age what the operator does not keep, counts that have expired, and pictures that nothing refers to. */
export interface Upkeep {
  /** Resolves once what runs has stopped. */
  close(): Promise<void>;
}

/** What one round has removed. */
export interface Swept {
  readonly generations: number;
  /** Generations whose previews were removed. */
  readonly previews: number;
  readonly uploads: number;
  /** Counts of what clients used, whose day is over. */
  readonly quotas: number;
  readonly blobs: number;
}

const HOUR_S = 60 * 60;
/** Longer than one batch takes. A process that dies is followed by another after this. */
const LEASE_S = 10 * 60;
const LOOK_MS = 10 * 60 * 1000;
/** A picture may be stored for so long before something refers to it. */
const GRACE_MS = 24 * 60 * 60 * 1000;
/** Rows of one statement: others wait for no more than that. */
const BATCH = 100;
const BLOB_BATCH = 1000;
/** An hour: the clocks of replicas may differ. */
const EXPIRED_DAYS = 1 / 24;

/** Looks every ten minutes whether a round is due, which one process of all does once an hour. */
export function startUpkeep(parts: UpkeepParts): Upkeep {
  const ending = new AbortController();
  const job = jobOf(parts.store.database, 'upkeep');
  let round: Promise<void> = Promise.resolve();
  const trouble = troubleOf('the upkeep has stopped, and is tried again every ten minutes', 'the upkeep goes on');
  const look = () => {
    round = round.then(() => runIfDue(parts, job, ending.signal)).then(trouble.worked, trouble.failed);
  };
  const timer = setInterval(look, LOOK_MS);
  timer.unref();
  return {
    async close() {
      clearInterval(timer);
      ending.abort();
      await round;
    },
  };
}

async function runIfDue(parts: UpkeepParts, job: Job, signal: AbortSignal): Promise<void> {
  if (signal.aborted || !(await job.take(LEASE_S))) return;
  const swept = await sweep(parts, { signal, onBatch: () => job.postpone(LEASE_S) });
  if (!signal.aborted) await job.postpone(HOUR_S);
  if (Object.values(swept).some((count) => count > 0)) log.info({ ...swept }, 'removed what is not kept any more');
}

interface SweepOptions {
  readonly signal: AbortSignal;
  /** Is called before each batch. */
  readonly onBatch?: () => Promise<void>;
  /** How long a picture may be stored before something refers to it, in milliseconds. */
  readonly graceMs?: number;
}

/** One round: first records, then the pictures that these were the last to refer to. */
export async function sweep(parts: UpkeepParts, { signal, onBatch, graceMs = GRACE_MS }: SweepOptions): Promise<Swept> {
  const { keepDays, keepPreviewsDays, keepUploadsDays } = parts;
  const { database } = parts.store;
  /** Repeats a statement of one batch until it finds nothing more. */
  const repeat = async (days: number | null, sql: string) => {
    let all = 0;
    while (days !== null && !signal.aborted) {
      await onBatch?.();
      const { rows } = await database.query(sql, [days, BATCH]);
      all += rows.length;
      if (rows.length < BATCH) break;
    }
    return all;
  };
  return {
    generations: await repeat(keepDays, generationsSql),
    previews: await repeat(keepPreviewsDays, previewsSql),
    uploads: await repeat(keepUploadsDays, uploadsSql),
    quotas: await repeat(EXPIRED_DAYS, quotasSql),
    blobs: await sweepBlobs(parts, { signal, graceMs, ...(onBatch && { onBatch }) }),
  };
}

/** Events, tokens and references to pictures go with their generation. */
const generationsSql = `
  DELETE FROM generation WHERE id IN (
    SELECT id FROM generation WHERE finished_at < tessera_now() - make_interval(secs => $1 * 86400)
    ORDER BY finished_at LIMIT $2)
  RETURNING id`;

/** The events keep their numbers: a log without gaps is what streams are resumed by. */
const previewsSql = `
  WITH old AS MATERIALIZED (
    SELECT id, images FROM generation g WHERE finished_at < tessera_now() - make_interval(secs => $1 * 86400)
      AND EXISTS (SELECT FROM picture p WHERE p.generation_id = g.id AND NOT g.images ? p.sha256)
    ORDER BY finished_at LIMIT $2
  ), cleared AS (
    UPDATE event SET payload = payload || '{"previews": null, "sprite": null}'
    WHERE kind = 'step' AND generation_id IN (SELECT id FROM old)
  ), dropped AS (
    DELETE FROM picture p USING old WHERE p.generation_id = old.id AND NOT old.images ? p.sha256
  )
  SELECT id FROM old`;

const uploadsSql = `
  DELETE FROM picture WHERE generation_id IS NULL AND (sha256, tenant) IN (
    SELECT sha256, tenant FROM picture
    WHERE generation_id IS NULL AND created_at < tessera_now() - make_interval(secs => $1 * 86400) LIMIT $2)
  RETURNING sha256`;

const quotasSql = `
  DELETE FROM quota WHERE key IN (
    SELECT key FROM quota WHERE expire < (extract(epoch FROM tessera_now()) - $1::float8 * 86400) * 1000 LIMIT $2)
  RETURNING key`;

async function sweepBlobs(
  { store, blobs }: UpkeepParts,
  { signal, onBatch, graceMs = GRACE_MS }: SweepOptions,
): Promise<number> {
  const before = new Date(Date.now() - graceMs);
  let removed = 0;
  const removeUnused = async (shas: readonly string[]) => {
    await onBatch?.();
    const used = await store.pictures.inUse(shas);
    const unused = shas.filter((sha256) => !used.has(sha256));
    // One that was put again since it was listed is young again, and stays.
    await blobs.remove(unused, before);
    removed += unused.length;
  };
  let batch: string[] = [];
  for await (const { sha256, writtenAt } of blobs.list()) {
    if (signal.aborted) return removed;
    if (writtenAt < before) batch.push(sha256);
    if (batch.length < BLOB_BATCH) continue;
    await removeUnused(batch);
    batch = [];
  }
  if (batch.length > 0) await removeUnused(batch);
  return removed;
}
