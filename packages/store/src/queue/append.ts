import { TesseraError } from '@tessera/errors';
import type { Engine, Statement } from '../database/engine.ts';
import { jsonOf } from '../json.ts';
import { isLast, type EventBody, type GenerationEvent } from '../records.ts';
import { toEvent } from '../rows.ts';
import type { Append, Claim } from '../store.ts';

/**
 * $1 events, $2 pictures. Of each claim: the newest event becomes `last_seq` if the claim holds and nothing is missing
 * before. Events that are there already (a repeated call) are left as they are.
 */
const appendStatement: Statement = {
  name: 'append',
  sql: `
  WITH given AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset($1::jsonb)
      AS one (id uuid, attempt integer, seq integer, kind text, payload jsonb, tokens text, ending boolean)
  ), mine AS MATERIALIZED (
    SELECT id, attempt, min(seq) AS first, max(seq) AS last, bool_or(kind = 'step') AS stepped,
      min(kind) FILTER (WHERE ending) AS ending, (array_agg(payload) FILTER (WHERE ending))[1] AS said
    FROM given GROUP BY id, attempt
  ), moved AS (
    UPDATE generation g
    SET last_seq = m.last, state = coalesce(m.ending, g.state), images = coalesce(m.said -> 'images', g.images),
      failure = CASE m.ending WHEN 'failed' THEN m.said END,
      finished_at = CASE WHEN m.ending IS NOT NULL THEN tessera_now() END,
      worker = CASE WHEN m.ending IS NULL THEN g.worker END,
      blames = CASE WHEN m.stepped THEN 0 ELSE g.blames END, deaths = CASE WHEN m.stepped THEN 0 ELSE g.deaths END
    FROM mine m
    WHERE g.id = m.id AND g.attempt = m.attempt AND g.state = 'running'
      AND g.last_seq < m.last AND g.last_seq >= m.first - 1
    RETURNING g.id, g.attempt, g.tenant, m.ending
  ), written AS (
    INSERT INTO event (generation_id, seq, attempt, kind, payload, at)
    SELECT id, seq, attempt, kind, payload, tessera_now() FROM given JOIN moved USING (id, attempt) ON CONFLICT DO NOTHING
    RETURNING generation_id, at
  ), kept AS (
    INSERT INTO step_tokens (generation_id, seq, tokens, milliseconds)
    SELECT id, seq, decode(tokens, 'base64'), (payload ->> 'milliseconds')::float8
    FROM given JOIN moved USING (id, attempt) WHERE tokens IS NOT NULL AND moved.ending IS NULL ON CONFLICT DO NOTHING
  ), cleared AS (
    DELETE FROM step_tokens WHERE generation_id IN (SELECT id FROM moved WHERE ending IS NOT NULL)
  ), shown AS (
    INSERT INTO picture (sha256, tenant, generation_id, width, height, bytes, created_at)
    SELECT sha256, tenant, id, width, height, bytes, tessera_now()
    FROM jsonb_to_recordset($2::jsonb)
      AS one (id uuid, attempt integer, sha256 text, width integer, height integer, bytes bigint)
    JOIN moved USING (id, attempt) ON CONFLICT DO NOTHING
  )
  SELECT mine.id, mine.attempt, moved.id IS NOT NULL AS moved, w.number, w.at
  FROM mine LEFT JOIN moved ON moved.id = mine.id AND moved.attempt = mine.attempt, LATERAL (
    SELECT count(*)::int AS number, min(at) AS at FROM written WHERE generation_id = mine.id
  ) w`,
};

/** Of claims that did not move: those whose events are not all there. A statement of its own, for it must see what the first waited for. */
const missingStatement: Statement = {
  name: 'append-missing',
  sql: `
  SELECT id, attempt FROM jsonb_to_recordset($1::jsonb) AS mine (id uuid, attempt integer, last integer)
  WHERE NOT EXISTS (
    SELECT FROM event e WHERE e.generation_id = mine.id AND e.seq = mine.last AND e.attempt = mine.attempt)`,
};

interface AppendedRow extends Claim {
  readonly moved: boolean;
  /** Events that were not there before, and when they were written. */
  readonly number: number;
  readonly at: Date | null;
}

export interface Appended {
  readonly lost: readonly Claim[];
  /** Of claims all of whose events are new in the log: those events, as the log has them. */
  readonly written: ReadonlyMap<string, () => readonly GenerationEvent[]>;
}

export async function append(engine: Engine, events: readonly Append[]): Promise<Appended> {
  if (events.length === 0) return { lost: [], written: new Map() };
  checkOrder(events);
  const pictures = events.flatMap(picturesOf);
  const values = [jsonOf(events.map(toRow)), jsonOf(pictures)];
  const claims = await engine.run<AppendedRow>(appendStatement, values);
  const written = new Map(claims.flatMap((claim) => writtenBy(claim, events)));
  const still = claims.filter(({ moved }) => !moved);
  if (still.length === 0) return { lost: [], written };
  const asked = still.map((claim) => ({
    id: claim.id,
    attempt: claim.attempt,
    last: ofClaim(claim, events).at(-1)!.seq,
  }));
  return { lost: await engine.run<Claim>(missingStatement, [jsonOf(asked)]), written };
}

function writtenBy(claim: AppendedRow, all: readonly Append[]): readonly [string, () => readonly GenerationEvent[]][] {
  const { id, moved, number, at } = claim;
  const own = ofClaim(claim, all);
  if (!moved || number !== own.length) return [];
  const asStored = ({ seq, body }: Append): GenerationEvent => {
    const { kind, ...payload } = JSON.parse(jsonOf(body)) as EventBody;
    return toEvent({ id, seq, kind, payload, at: at! });
  };
  return [[id, () => own.map(asStored)]];
}

function toRow({ id, attempt, seq, body: { kind, ...payload }, tokens }: Append): object {
  const ending = isLast(kind);
  return { id, attempt, seq, kind, payload, ending, ...(tokens && { tokens: Buffer.from(tokens).toString('base64') }) };
}

/** Those that come with it, and all others that its body names: without a row they would be garbage. */
function picturesOf({ id, attempt, body, pictures = [] }: Append): readonly object[] {
  const known = new Set(pictures.map(({ sha256 }) => sha256));
  const others = new Set(namedBy(body).filter((sha256) => !known.has(sha256)));
  return [...pictures, ...[...others].map((sha256) => ({ sha256 }))].map((one) => ({ id, attempt, ...one }));
}

function namedBy(body: EventBody): readonly string[] {
  if (body.kind === 'completed') return body.images;
  if (body.kind !== 'step') return [];
  return [...(body.previews ?? []), body.sprite].filter((sha256) => sha256 !== null);
}

function ofClaim({ id, attempt }: Claim, events: readonly Append[]): readonly Append[] {
  return events.filter((one) => one.id === id && one.attempt === attempt);
}

/** @throws TesseraError `append-out-of-order` where the numbers of a claim are no run, or something comes after its end */
function checkOrder(events: readonly Append[]): void {
  const last = new Map<string, Append>();
  for (const event of events) {
    const claim = `${event.id} ${event.attempt}`;
    const before = last.get(claim);
    if (before && (event.seq !== before.seq + 1 || isLast(before.body.kind))) throw outOfOrder(event, before);
    last.set(claim, event);
  }
}

function outOfOrder({ id, seq, body }: Append, before: Append): TesseraError {
  return new TesseraError({
    code: 'append-out-of-order',
    who: 'store',
    got: `event ${seq} (${body.kind}) of generation ${id} after event ${before.seq} (${before.body.kind})`,
    expected: 'events that follow one another, the last one last',
  });
}
