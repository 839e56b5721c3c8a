import { referenceKey, type Asked, type Final, type History, type SeenEvent, type Stream } from './history.ts';

const LAST = ['completed', 'failed', 'canceled'];

/**
 * Reads a recorded history as Jepsen does, after everything has come to rest. Returns a sentence for each broken promise:
 *
 * - what was accepted has exactly one generation, and it has exactly one last event;
 * - the log of a generation counts from 1 without gaps, its last event comes last, its steps come in order and each once;
 * - each subscriber saw each event once and in order, until the last, as the log holds it;
 * - the pictures are those that the model draws undisturbed: no step was drawn twice with different tokens.
 */
export function checkHistory({ asked, streams, finals, references }: History): string[] {
  const finalOf = new Map(finals.map((final) => [final.id, final]));
  return [
    ...asked.flatMap((one) => acceptedFaults(one, finalOf, references)),
    ...finals.flatMap(logFaults),
    ...streams.flatMap((stream) => streamFaults(stream, finalOf.get(stream.id))),
  ];
}

function acceptedFaults(
  { key, accepted, canceled, ...request }: Asked,
  finalOf: ReadonlyMap<string, Final>,
  references: History['references'],
): string[] {
  const ids = [...new Set(accepted)];
  if (ids.length === 0) return [`${key}: no answer ever accepted it`];
  if (ids.length > 1) return [`${key}: it became ${ids.length} generations: ${ids.join(', ')}`];
  const final = finalOf.get(ids[0]!);
  if (!final) return [`${key}: generation ${ids[0]} was accepted and is lost`];
  const allowed = canceled ? ['completed', 'canceled'] : ['completed'];
  const told = final.events.at(-1)?.content ?? '';
  if (!allowed.includes(final.state))
    return [`${final.id}: ended as ${final.state}, expected ${allowed.join(' or ')}: ${told}`];
  if (final.state !== 'completed') return [];
  if (final.images.length !== request.images)
    return [`${final.id}: ${final.images.length} pictures, not ${request.images}`];
  return final.images.flatMap((sha256, i) => {
    const expected = references.get(referenceKey(request.model, request.seed + i, i % 10));
    if (sha256 === null) return [`${final.id}: the file of image ${i} is missing`];
    return sha256 === expected ? [] : [`${final.id}: image ${i} has other bytes than the model draws undisturbed`];
  });
}

function logFaults({ id, state, events }: Final): string[] {
  const faults = seqFaults(events).map((fault) => `${id}: the log ${fault}`);
  const ends = events.filter(({ kind }) => LAST.includes(kind));
  const newest = events.at(-1);
  if (ends.length !== 1) faults.push(`${id}: ${ends.length} last events: ${ends.map(({ kind }) => kind).join(', ')}`);
  else if (ends[0] !== newest) faults.push(`${id}: events come after its last event`);
  else if (newest?.kind !== state) faults.push(`${id}: the last event is ${newest?.kind}, the state ${state}`);
  const steps = events.filter(({ kind }) => kind === 'step');
  if (steps.some(({ index }, i) => index !== i)) {
    faults.push(`${id}: steps ${steps.map(({ index }) => index).join(' ')}, expected each once and in order`);
  }
  if (state === 'completed' && steps.length !== steps[0]?.of) {
    faults.push(`${id}: completed after ${steps.length} of ${steps[0]?.of} steps`);
  }
  return faults;
}

function streamFaults({ subscriber, id, events }: Stream, final: Final | undefined): string[] {
  const who = `${subscriber} of ${id}`;
  const faults = seqFaults(events).map((fault) => `${who}: the stream ${fault}`);
  if (!final) return faults;
  if (events.length < final.events.length) {
    faults.push(`${who}: saw ${events.length} of ${final.events.length} events`);
  }
  for (const { seq, content } of events) {
    const stored = final.events[seq - 1];
    if (stored?.content !== content) faults.push(`${who}: event ${seq} is not what the log holds`);
  }
  return faults;
}

function seqFaults(events: readonly SeenEvent[]): string[] {
  const wrong = events.findIndex(({ seq }, i) => seq !== i + 1);
  if (wrong < 0) return [];
  return [`has seq ${events[wrong]!.seq} at place ${wrong + 1}, after ${events[wrong - 1]?.seq ?? 'nothing'}`];
}
