import type { Engine, Statement } from '../database/engine.ts';
import type { Claimed, ClaimRequest } from '../index.ts';

/** A row of the queue, read for comparison just before a claim. */
interface Queued {
  readonly id: string;
  readonly ordinal: number;
  readonly state: string;
  readonly client: string;
  readonly priority: number;
  readonly batch_key: string;
  readonly images: number;
  readonly alone: boolean;
  readonly open: boolean;
  readonly waited: number;
}

const queueStatement: Statement = {
  name: 'simulation-queue',
  sql: `
  SELECT id, ordinal::int AS ordinal, state, client, priority, batch_key, image_count AS images, alone,
    NOT cancel_asked AND (attempt > 0 OR deadline IS NULL OR deadline > tessera_now()) AS open,
    extract(epoch FROM tessera_now() - created_at)::float8 * 1000 AS waited
  FROM generation WHERE state IN ('queued', 'running') ORDER BY ordinal`,
};

export function queueNow(engine: Engine): Promise<readonly Queued[]> {
  return engine.run<Queued>(queueStatement);
}

/**
 * What must be claimed, by the rules of the queue in another language than the store's: each client's first before anybody's
 * second, others of the same batch key as far as images fit. A worker that was thought dead gets nothing.
 */
export function checkClaim(
  rows: readonly Queued[],
  { request, given }: { readonly request: ClaimRequest; readonly given: readonly Claimed[] },
): readonly string[] {
  if (given.length === 0) return [];
  const expected = expectedOf(rows, request).map(({ id }) => id);
  const got = given.map(({ id }) => id);
  return String(expected) === String(got) ? [] : [`claimed ${got.join()} in place of ${expected.join()}`];
}

function expectedOf(rows: readonly Queued[], { maxImages, batchKey }: ClaimRequest): readonly Queued[] {
  const turnOf = (row: Queued) =>
    rows.filter(
      (one) =>
        one.client === row.client &&
        (one.state === 'running' || (one.open && one.priority === row.priority && one.ordinal < row.ordinal)),
    ).length;
  const waiting = rows
    .filter(({ state, open }) => state === 'queued' && open)
    .map((row) => ({ row, turn: turnOf(row) }))
    .sort((a, b) => b.row.priority - a.row.priority || a.turn - b.turn || a.row.ordinal - b.row.ordinal)
    .map(({ row }) => row);
  const joins = (row: Queued) => row.batch_key === batchKey && !row.alone && row.images <= maxImages;
  const head = batchKey === undefined ? waiting[0] : waiting.find(joins);
  if (!head) return [];
  const passed = waiting.slice(0, waiting.indexOf(head));
  if (batchKey !== undefined && passed.some((row) => row.batch_key !== batchKey && row.waited > 1000)) return [];
  if (head.alone) return [head];
  let images = head.images;
  let fits = true;
  const mates = waiting.filter((row) => {
    if (row === head || row.batch_key !== head.batch_key || row.alone || !fits) return false;
    fits = images + row.images <= maxImages;
    if (fits) images += row.images;
    return fits;
  });
  return [head, ...mates];
}
