import { once } from 'node:events';
import { hostname } from 'node:os';
import process from 'node:process';
import { isTesseraError, printable, printableLines, TesseraError } from '@tessera/errors';
import { trace } from '@opentelemetry/api';
import { pino, type Logger } from 'pino';

export type Log = Logger;

export interface LogOptions {
  /** `json`: one object a line, for machines. `text`: for people. */
  readonly format: 'json' | 'text';
  readonly level: (typeof levels)[number];
}

const levels = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
const formats = ['json', 'text'] as const;

/** What waits for a slow reader of standard error, in bytes; more is dropped, since a server must not wait for its log. */
const MOST_WAITING = 4 * 2 ** 20;
/** How long the end of a process waits for such a reader, in milliseconds. */
const LAST_MS = 1000;

let write: (line: string) => void = writeText;
let flush: () => void = () => undefined;
/** Resolves when nothing is being written. */
let settled: () => Promise<unknown> = () => Promise.resolve();
/** Part of every line in JSON. */
let facts: Readonly<Record<string, unknown>> = {};

/**
 * The log of this process, on standard error: text and warnings until `configureLog`. Secrets are removed from every line,
 * wherever they stand in it.
 */
export const log: Log = pino(
  {
    level: 'warn',
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (level) => ({ level }) },
    mixin: () => {
      const span = trace.getActiveSpan()?.spanContext();
      return span ? { ...facts, traceId: span.traceId } : { ...facts };
    },
  },
  { write: (line) => write(withoutSecrets(line)) },
);

/** From now on. `role` is in every line of JSON, with the names of the process and its machine. */
export function configureLog({ format, level }: LogOptions, role: string): void {
  log.level = level;
  flush();
  if (format === 'text') {
    write = writeText;
    flush = () => undefined;
    settled = () => Promise.resolve();
    facts = {};
    return;
  }
  facts = { role, pid: process.pid, host: hostname() };
  const stream = pino.destination({ fd: 2, sync: false, maxLength: MOST_WAITING });
  let isWriting = false;
  stream.on('drain', () => void (isWriting = false));
  write = (line) => {
    isWriting = true;
    stream.write(line);
  };
  flush = () => stream.flushSync();
  settled = () => (isWriting ? once(stream, 'drain', { signal: AbortSignal.timeout(LAST_MS) }) : Promise.resolve());
}

/** Writes what waits, in order: before the process ends. */
export async function flushLog(): Promise<void> {
  // A line that is just being written would come after those that do not wait.
  await settled().catch(() => undefined);
  flush();
}

/**
 * TESSERA_LOG (`json` where NODE_ENV is production, else `text`) and TESSERA_LOG_LEVEL (`info` in JSON, `warn` in text).
 * @throws TesseraError `log-invalid`
 */
export function readLogOptions(environment: NodeJS.ProcessEnv): LogOptions {
  const { NODE_ENV, TESSERA_LOG, TESSERA_LOG_LEVEL } = environment;
  const format = oneOf(formats, TESSERA_LOG || (NODE_ENV === 'production' ? 'json' : 'text'), 'TESSERA_LOG');
  const level = oneOf(levels, TESSERA_LOG_LEVEL || (format === 'json' ? 'info' : 'warn'), 'TESSERA_LOG_LEVEL');
  return { format, level };
}

function oneOf<T extends string>(known: readonly T[], text: string, variable: string): T {
  const found = known.find((one) => one === text);
  if (found) return found;
  throw new TesseraError({
    code: 'log-invalid',
    who: 'api',
    got: `${variable}=${text.slice(0, 100)}`,
    expected: known.join(', '),
    next: 'Leave it out for the default.',
  });
}

/** Keys of clients, signatures of URLs, passwords of databases. */
const secrets: readonly (readonly [RegExp, string])[] = [
  [/\b(Bearer|Basic) [\w.~+/=-]+/gi, '$1 [removed]'],
  [/\b(tsr_[\w-]{8})[\w-]+/g, '$1[removed]'],
  [/([?&](?:signature|sig|token|key|X-Amz-Signature|X-Amz-Credential)=)[^&\s"\\]+/gi, '$1[removed]'],
  [/(:\/\/[^\s:/@"\\]*:)[^\s/@"\\]+@/g, '$1[removed]@'],
  [/("(?:authorization|cookie|password|secret|apiKey|token)":")(?:[^"\\]|\\.)*"/gi, '$1[removed]"'],
];

export function withoutSecrets(line: string): string {
  return secrets.reduce((text, [secret, instead]) => text.replace(secret, instead), line);
}

interface Line {
  readonly level: string;
  readonly time: string;
  readonly msg?: string;
  readonly err?: { readonly stack?: string; readonly message?: string };
  readonly [name: string]: unknown;
}

/** `12:30:01 warn  What happened. (id=..., code=...)`, with the stack of an error below. */
function writeText(line: string): void {
  const { level, time, msg = '', err, ...fields } = JSON.parse(line) as Line;
  const facts = Object.entries(fields).map(([name, value]) => `${name}=${inText(value)}`);
  const text = `${time.slice(11, 19)} ${level.padEnd(5)} ${printable(msg, Infinity)}`;
  console.error(facts.length > 0 ? `${text} (${facts.join(', ')})` : text);
  if (err) console.error(printableLines(err.stack ?? err.message ?? ''));
}

function inText(value: unknown): string {
  return printable(typeof value === 'string' ? value : JSON.stringify(value), 300);
}

/** Writes an unexpected error with its stack. A TesseraError says in one sentence what is wrong and needs no stack. */
export function logError(what: string, error: unknown): void {
  if (isTesseraError(error)) log.error({ code: error.code }, `${what}: ${error.message}`);
  else log.error({ err: error }, what);
}
