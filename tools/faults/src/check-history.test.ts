import { describe, expect, it } from 'vitest';
import { checkHistory } from './check-history.ts';
import { referenceKey, type History, type SeenEvent } from './history.ts';

const events: SeenEvent[] = [
  { seq: 1, kind: 'queued', content: 'q' },
  { seq: 2, kind: 'started', content: 's' },
  { seq: 3, kind: 'step', index: 0, of: 2, content: '0' },
  { seq: 4, kind: 'step', index: 1, of: 2, content: '1' },
  { seq: 5, kind: 'completed', content: 'c' },
];
const asked = { key: 'k', model: 'm', seed: 7, images: 2, accepted: ['a', 'a'], canceled: false };
const final = { id: 'a', state: 'completed', events, images: ['x', 'y'] };
const references = new Map([
  [referenceKey('m', 7, 0), 'x'],
  [referenceKey('m', 8, 1), 'y'],
]);
const good: History = { asked: [asked], streams: [{ subscriber: 's', id: 'a', events }], finals: [final], references };

const withLog = (log: readonly SeenEvent[]): Partial<History> => ({ finals: [{ ...final, events: log }], streams: [] });
const withStream = (seen: readonly SeenEvent[]): Partial<History> => ({
  streams: [{ subscriber: 's', id: 'a', events: seen }],
});
const renumbered = (log: readonly SeenEvent[]) => log.map((event, i) => ({ ...event, seq: i + 1 }));

describe('checkHistory', () => {
  it('finds nothing wrong with a history that keeps the promises', () => {
    expect(checkHistory(good)).toEqual([]);
    const canceled = renumbered([...events.slice(0, 3), { seq: 0, kind: 'canceled', content: 'x' }]);
    expect(
      checkHistory({
        ...good,
        asked: [{ ...asked, canceled: true }],
        streams: [],
        finals: [{ ...final, state: 'canceled', events: canceled, images: [] }],
      }),
    ).toEqual([]);
  });

  it.each<[string, Partial<History>, RegExp]>([
    ['a request without an answer', { asked: [{ ...asked, accepted: [] }] }, /no answer/],
    ['one request became two', { asked: [{ ...asked, accepted: ['a', 'b'] }] }, /2 generations/],
    ['accepted and lost', { finals: [], streams: [] }, /is lost/],
    ['failed', { finals: [{ ...final, state: 'failed' }] }, /ended as failed/],
    ['canceled unasked', { finals: [{ ...final, state: 'canceled' }] }, /ended as canceled/],
    ['a picture too few', { finals: [{ ...final, images: ['x'] }] }, /1 pictures/],
    ['a file that is missing', { finals: [{ ...final, images: ['x', null] }] }, /missing/],
    ['other bytes', { finals: [{ ...final, images: ['x', 'z'] }] }, /other bytes/],
    ['no last event', withLog(events.slice(0, 4)), /0 last events/],
    ['two last events', withLog(renumbered([...events, events[4]!])), /2 last events/],
    ['a late event', withLog(renumbered([events[0]!, events[4]!, events[1]!])), /after its last event/],
    ['a gap in the log', withLog(events.filter(({ seq }) => seq !== 2)), /the log has seq 3 at place 2/],
    ['a step drawn twice', withLog(renumbered([...events.slice(0, 4), ...events.slice(3)])), /each once and in order/],
    ['a step left out', withLog(renumbered(events.filter(({ index }) => index !== 1))), /after 1 of 2 steps/],
    ['an event seen twice', withStream([events[0]!, ...events]), /the stream has seq 1 at place 2/],
    ['an event not seen', withStream(events.slice(1)), /the stream has seq 2 at place 1/],
    ['an end not seen', withStream(events.slice(0, 4)), /saw 4 of 5/],
    ['another content', withStream(events.map((one) => ({ ...one, content: '?' }))), /not what the log holds/],
  ])('finds %s', (_, change, fault) => {
    expect(checkHistory({ ...good, ...change }).join('\n')).toMatch(fault);
  });
});
