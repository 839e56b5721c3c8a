import { unequal } from '../compare.ts';
import { within } from '../case.ts';
import { draw, seenOf, type Draw, type OpenedHead } from './trained-head.ts';

/** What a head is asked for by seeds alone. */
type Made = (opened: OpenedHead, seeds: readonly number[], guided?: boolean) => Draw;

/** The same call again, with another between, and with another at the same time. */
export async function unsteady(opened: OpenedHead, made: Made): Promise<string | null> {
  for (const guided of [false, true]) {
    const asked = { ...made(opened, [5, 6], guided), weight: guided ? 2 : 1 };
    const other = { ...made(opened, [7, 8, 9], !guided), step: 2 };
    const once = seenOf(await draw(opened, asked));
    await draw(opened, other);
    const again = unequal('tokens of one seed', once, seenOf(await draw(opened, asked)));
    if (again !== null) return again;
    const [beside] = await Promise.all([draw(opened, asked), draw(opened, other)]);
    const mixed = unequal('tokens of one seed', once, seenOf(beside));
    if (mixed !== null) return `${mixed} while another generation is under way: keep nothing between calls of sample()`;
  }
  return null;
}

/** Calls of programs that may follow an abort: a step may be of several. */
const LATE = 3;

/** A head checks the signal before its work, and in it before every step. After an abort it may return or throw, but must end. */
export async function goesOn(opened: OpenedHead, made: Made): Promise<string | null> {
  const { patience } = opened.trial;
  const late = `nothing for ${patience} ms after the abort`;
  const aborted = 'tokens for a signal that had aborted before: signal.throwIfAborted() is missing';
  const until = (signal: AbortSignal, answered: string | null) =>
    within(patience, late, () => drawUntil(opened, { ...made(opened, [1, 2]), signal }, answered));
  const early = await until(AbortSignal.abort(), aborted);
  if (early !== null) return early;
  const stop = new AbortController();
  const drawn = until(stop.signal, null);
  stop.abort();
  return (await drawn) ?? callsOn(opened, until);
}

/** The signal aborts while the first program runs. */
async function callsOn(
  { bench: { watched } }: OpenedHead,
  until: (signal: AbortSignal, answered: null) => Promise<string | null>,
): Promise<string | null> {
  const stop = new AbortController();
  let calls = 0;
  watched.onCall = () => {
    if (stop.signal.aborted) calls++;
    stop.abort();
  };
  const found = await until(stop.signal, null);
  watched.onCall = () => undefined;
  if (found !== null || calls <= LATE) return found;
  return `${calls} more calls of programs after an abort: look at the signal before every step, by cancelPoint() of the head kit`;
}

/** `answered` where it answers, null where it ends with the signal. */
async function drawUntil(
  opened: OpenedHead,
  asked: Draw & { readonly signal: AbortSignal },
  answered: string | null,
): Promise<string | null> {
  try {
    await draw(opened, asked);
    return answered;
  } catch (error) {
    if (error === asked.signal.reason) return null;
    throw error;
  }
}
