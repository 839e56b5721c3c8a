import { isDeepStrictEqual } from 'node:util';
import { isLast, type Generation, type GenerationEvent, type Store } from '../index.ts';
import { STEPS, tokensOf, type History } from './history.ts';

/** What is wrong with a history, and with what the database holds at its end. */
export async function checkHistory(history: History, store: Store): Promise<readonly string[]> {
  const wrong = [...history.wrong];
  const ids = [...history.accepted.keys()].map((id) => ({ id, after: 0, most: 10_000 }));
  const logs = await store.generations.eventsAfter(ids);
  const page = { count: 1000, direction: 'older', cursor: null } as const;
  const { generations } = await store.generations.list({ tenant: null }, page);
  const rows = new Map(generations.map((one) => [one.id, one]));
  for (const { id } of ids) {
    const log = logs.get(id);
    const row = rows.get(id);
    if (log && row) wrong.push(...checkLog(log, row).map((what) => `${id}: ${what}`));
    else if (!history.removed.has(id)) wrong.push(`${id}: accepted, and gone`);
  }
  wrong.push(...checkWorkers(history, logs), ...checkReaders(history, logs));
  const { rows: left } = await store.database.query('SELECT FROM step_tokens');
  if (left.length > 0) wrong.push(`tokens are left of ${left.length} steps`);
  return wrong;
}

/** One terminal event, at the end; numbers without gaps; each step once, in order; attempts in order, each announced. */
function checkLog(log: readonly GenerationEvent[], row: Generation): readonly string[] {
  const wrong: string[] = [];
  const last = log.at(-1);
  if (log.filter(({ kind }) => isLast(kind)).length !== 1) wrong.push('not one terminal event');
  if (last?.kind !== row.state) wrong.push(`is ${row.state} after ${last?.kind ?? 'nothing'}`);
  if (log.some(({ seq }, i) => seq !== i + 1) || log.length !== row.lastSeq) wrong.push('numbers have gaps');
  const steps = log.filter((event) => event.kind === 'step');
  if (steps.some(({ index }, i) => index !== i)) wrong.push(`steps ${steps.map(({ index }) => index).join()}`);
  if (row.state === 'completed' && steps.length !== STEPS) wrong.push(`completed after ${steps.length} steps`);
  let attempt = 1;
  for (const event of log) {
    if (event.kind === 'restarted') {
      if (event.attempt <= attempt) wrong.push(`attempt ${event.attempt} after ${attempt}`);
      attempt = event.attempt;
    }
    if (event.kind === 'step' && event.milliseconds < attempt)
      wrong.push(`step of attempt ${event.milliseconds} in ${attempt}`);
  }
  return wrong;
}

type Logs = ReadonlyMap<string, readonly GenerationEvent[]>;

/** What the store has said is written is there as it was given, and each claim got the tokens of exactly what was written. */
function checkWorkers(history: History, logs: Logs): readonly string[] {
  const wrong: string[] = [];
  // A late repetition of its creation makes a deleted one again, from its beginning.
  const acknowledged = history.acknowledged.filter(({ id }) => !history.removed.has(id));
  const claims = history.claims.filter(({ id }) => !history.removed.has(id));
  for (const { id, seq, body } of acknowledged) {
    const log = logs.get(id);
    if (!log) continue;
    const written = log[seq - 1];
    if (!written || !isDeepStrictEqual(written, { ...body, seq, at: written.at }))
      wrong.push(`${id}: event ${seq} was accepted, and is another`);
  }
  const attempts = claims.map(({ id, attempt }) => `${id} ${attempt}`);
  if (new Set(attempts).size !== attempts.length) wrong.push('two claims of one attempt');
  for (const { id, lastSeq, tokens } of claims) {
    const steps = (logs.get(id) ?? []).filter(({ seq, kind }) => seq <= lastSeq && kind === 'step');
    const drawn = steps.map((step) => (step.kind === 'step' ? tokensOf(step.index, step.milliseconds) : null));
    if (logs.has(id) && !isDeepStrictEqual(drawn, tokens)) wrong.push(`${id}: other tokens than those of its steps`);
  }
  return wrong;
}

/** Every reader saw every event once and in order. */
function checkReaders({ readings, removed }: History, logs: Logs): readonly string[] {
  return readings.flatMap(({ id, events }) => {
    const log = logs.get(id);
    if (!log || removed.has(id)) return [];
    return isDeepStrictEqual(events, log)
      ? []
      : [`${id}: a reader saw ${events.length} of ${log.length} events, or others`];
  });
}
