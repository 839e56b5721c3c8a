import { createSchema } from '../schema/schema.ts';
import { randomOperations } from './random-documents.ts';
import { overEventStream, overHttp, overWebSocket, type Said, type Way } from './send-operations.ts';

/** Longer than anything that a server may need for one small document, on a busy machine too. */
const MOST_WAIT_MS = 30_000;
const AT_ONCE = 8;

interface Trial {
  readonly url: string;
  /** Of generations that are there. */
  readonly ids: readonly string[];
  readonly count: number;
  readonly seed: number;
}

/** How often each way said what. */
export type Tally = Record<string, Record<string, number>>;

/** Sends documents that were derived from the schema, each over one way in turn. @throws Error with the document that a server should have taken otherwise */
export async function tryDocuments({ url, ids, count, seed }: Trial): Promise<Tally> {
  const next = randomOperations(createSchema(), ids, seed);
  const ways = [overHttp(url), overWebSocket(url), overEventStream(url)];
  const tally: Tally = {};
  let sent = 0;
  const work = async (): Promise<void> => {
    while (sent < count) {
      const way = ways[sent++ % ways.length]!;
      const operation = next();
      const said = await inTime(way, operation);
      const wrong = wrongIn(said);
      if (wrong)
        throw new Error(
          `seed ${seed}, ${way.name}: ${wrong}\n${JSON.stringify(operation)}\n${said.text.slice(0, 2000)}`,
        );
      const of = (tally[way.name] ??= {});
      const what = outcomeOf(said);
      of[what] = (of[what] ?? 0) + 1;
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  } finally {
    await Promise.all(ways.map((way) => way.close()));
  }
  return tally;
}

async function inTime(way: Way, operation: Parameters<Way['send']>[0]): Promise<Said> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Said>((resolve) => {
    timer = setTimeout(() => resolve({ status: 0, text: `no answer in ${MOST_WAIT_MS} ms` }), MOST_WAIT_MS);
  });
  try {
    return await Promise.race([way.send(operation), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Of a stack, or of a file of this machine. */
const leaks = /node_modules|[\w-]\.[mc]?[jt]s:\d+|\n\s+at |\/(home|tmp|work|root|usr)\//;

function wrongIn({ status, text }: Said): string | null {
  if (status !== 200 && status !== 400) return `status ${status}`;
  if (/INTERNAL_SERVER_ERROR/.test(text)) return 'an error of the server';
  const leak = leaks.exec(text)?.[0];
  return leak === undefined ? null : `it tells ${JSON.stringify(leak)}`;
}

function outcomeOf({ text }: Said): string {
  return /"code":"([A-Z_]{5,}|[a-z-]+)"/.exec(text)?.[1] ?? 'answered';
}
