import { setTimeout as pause } from 'node:timers/promises';
import type { TesseraError } from '@tessera/errors';
import type { GenerationRecords } from '@tessera/store';
import type { Page } from './feed.ts';
import { interrupted } from './interruption.ts';

/** How long readers wait for a database that does not answer, before they are told. */
export const PATIENCE_MS = 30_000;
/** A statement that takes longer is taken for lost. */
const STATEMENT_MS = 10_000;
const RETRY_MS = 250;

/** Reads pages of logs: all that are asked for at one time by one statement. */
export interface LogReader {
  ask(page: Page): void;
  close(): void;
}

/** Errors of the database are waited out; after `PATIENCE_MS` all readers of the pages that are asked for hear of it. */
export function logReader(read: GenerationRecords['eventsAfter']): LogReader {
  const due = new Set<Page>();
  let reading = false;
  let closed = false;
  /** Since when the database has not answered. */
  let silentSince: number | null = null;

  const again = (page: Page): void => {
    page.current = false;
    due.add(page);
  };
  const round = async (pages: readonly Page[]): Promise<void> => {
    // A hint that comes while it is read is heard once more.
    for (const page of pages) Object.assign(page, { current: true, readAt: Date.now() });
    const known = new Map(pages.map(({ feed }) => [feed, feed.lastSeq]));
    try {
      const found = await inTime(read(pages.map(({ wanted }) => wanted)));
      silentSince = null;
      for (const page of pages) {
        const { feed } = page;
        feed.take(page, { events: found.get(feed.id), known: known.get(feed)! });
      }
    } catch {
      silentSince ??= Date.now();
      if (Date.now() - silentSince > PATIENCE_MS) {
        for (const { feed } of pages) feed.fail(noAnswer());
      } else {
        pages.forEach(again);
      }
      await pause(RETRY_MS);
    }
  };
  const run = async (): Promise<void> => {
    if (reading) return;
    reading = true;
    // All hints that came together are one statement.
    await new Promise(setImmediate);
    while (due.size > 0 && !closed) {
      const pages = onePerFeed(due);
      for (const page of pages) due.delete(page);
      const followed = pages.filter(({ waiting }) => waiting > 0);
      if (followed.length > 0) await round(followed);
    }
    reading = false;
  };
  return {
    ask(page) {
      due.add(page);
      void run();
    },
    close: () => void (closed = true),
  };
}

/** The answer has one list per generation. */
function onePerFeed(pages: Iterable<Page>): Page[] {
  return [...new Map([...pages].reverse().map((page) => [page.feed, page])).values()];
}

async function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(noAnswer()), STATEMENT_MS);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The error that readers get. */
export function noAnswer(): TesseraError {
  return interrupted(`no answer from the database for ${PATIENCE_MS / 1000} seconds`);
}
