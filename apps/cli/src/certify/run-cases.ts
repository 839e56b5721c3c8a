import { fork, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { childArguments, modelEnvironment } from '@tessera/node-kit';
import { keyOf, type FromChild, type PartPlan } from './protocol.ts';
import type { Subject } from './subject.ts';

/** How one case ended. */
export interface CaseResult {
  readonly id: string;
  readonly name: string;
  readonly ok: boolean;
  /** What is wrong; null where nothing is. */
  readonly message: string | null;
  readonly ms: number;
}

export interface PartResult {
  readonly plugin: string;
  readonly kind: string;
  readonly contract: number;
  readonly ok: boolean;
  readonly cases: readonly CaseResult[];
}

interface RunCases {
  /** Milliseconds that a case may take until the process is ended. */
  readonly limit: number;
  /** Milliseconds that the import may take. */
  readonly importLimit: number;
  readonly signal: AbortSignal;
  /** Takes each result as it comes. */
  onCase(plugin: string, result: CaseResult): void;
  /** Takes each line that the package prints. */
  print(line: string): void;
}

/** Ended processes after which the other cases of a part are not tried: each may cost the whole limit. */
const MOST_ENDS = 3;

const fromSources = import.meta.url.endsWith('.ts');
const entry = fileURLToPath(new URL(fromSources ? './child.ts' : './child.js', import.meta.url));

/**
 * Runs the cases of all parts of a package in a process of its own. Where a case does not end, or ends the process, it has
 * failed, and another process goes on with the next.
 * @throws Error where the package cannot be imported
 */
export async function runCases(subject: Subject, options: RunCases): Promise<readonly PartResult[]> {
  const tally = new Tally(options.onCase);
  while (!(await runOnce(subject, tally, options))) options.signal.throwIfAborted();
  return tally.results();
}

/** The package cannot be imported, or its import does not end. */
export class Unimportable extends Error {}

/** True where all cases are done. */
async function runOnce({ entry: module, folder }: Subject, tally: Tally, options: RunCases): Promise<boolean> {
  const { signal, print } = options;
  const child = fork(entry, [JSON.stringify({ entry: module, folder, skip: tally.skip() })], {
    execArgv: childArguments(fromSources),
    env: { ...process.env, ...modelEnvironment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  for (const input of [child.stdout!, child.stderr!]) createInterface({ input }).on('line', print);
  const stop = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', stop);
  try {
    const how = await watched(child, options, (message) => tally.take(message));
    signal.throwIfAborted();
    return tally.ended(how);
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

/** Hands on what the child says. Resolves at its end with how it ended; it is ended where it says nothing for too long. */
function watched(
  child: ChildProcess,
  { limit, importLimit }: Pick<RunCases, 'limit' | 'importLimit'>,
  take: (message: FromChild) => void,
): Promise<string> {
  return new Promise((done) => {
    let late: number | null = null;
    const endAfter = (most: number): NodeJS.Timeout =>
      setTimeout(() => {
        late = most;
        child.kill('SIGKILL');
      }, most);
    let timer = endAfter(importLimit);
    child.on('message', (message: FromChild) => {
      clearTimeout(timer);
      timer = endAfter(limit);
      take(message);
    });
    child.once('error', (error) => done(`its process did not start: ${error.message}`));
    child.once('close', (code, by) => {
      clearTimeout(timer);
      const how = by === null ? `with exit code ${code}` : `by signal ${by}`;
      done(late === null ? `its process ended ${how}` : `no end after ${late / 1000} s, so its process was ended`);
    });
  });
}

/** What is known of all cases so far, over several processes. */
class Tally {
  readonly #onCase: RunCases['onCase'];
  readonly #results = new Map<string, CaseResult>();
  readonly #ends = new Map<number, number>();
  #parts: readonly PartPlan[] | null = null;
  #running: { readonly part: number; readonly at: number } | null = null;
  #isDone = false;
  #refused: string | null = null;

  constructor(onCase: RunCases['onCase']) {
    this.#onCase = onCase;
  }

  take(message: FromChild): void {
    if (message.type === 'refused') this.#refused = message.message;
    if (message.type === 'parts') this.#parts ??= message.parts;
    if (message.type === 'begin') this.#running = message;
    if (message.type === 'done') this.#isDone = true;
    if (message.type !== 'end') return;
    this.#running = null;
    this.#put(message.part, message.at, { message: message.message, ms: message.ms });
  }

  /** After the end of a process: true where nothing is left to run. */
  ended(how: string): boolean {
    if (this.#isDone) return true;
    if (this.#refused !== null || this.#parts === null) throw new Unimportable(this.#refused ?? how);
    // What ends the process between two cases is blamed on the next.
    const running = this.#running ?? this.#next();
    this.#running = null;
    if (running === null) return true;
    const { part, at } = running;
    this.#put(part, at, { message: how, ms: 0 });
    const ends = (this.#ends.get(part) ?? 0) + 1;
    this.#ends.set(part, ends);
    if (ends >= MOST_ENDS) this.#giveUp(part);
    return this.#next() === null;
  }

  /** Cases that need not run. */
  skip(): string[] {
    return [...this.#results.keys()];
  }

  results(): PartResult[] {
    return this.#parts!.map(({ plugin, kind, contract, cases }, part) => {
      const results = cases.map(({ id }) => this.#results.get(keyOf(part, id))!);
      return { plugin, kind, contract, ok: results.every(({ ok }) => ok), cases: results };
    });
  }

  /** The first case that has no result; null where all have. */
  #next(): { readonly part: number; readonly at: number } | null {
    for (const [part, { cases }] of this.#parts!.entries()) {
      const at = cases.findIndex(({ id }) => !this.#results.has(keyOf(part, id)));
      if (at >= 0) return { part, at };
    }
    return null;
  }

  #giveUp(part: number): void {
    for (const [at, { id }] of this.#parts![part]!.cases.entries()) {
      if (this.#results.has(keyOf(part, id))) continue;
      this.#put(part, at, { message: `not tried: ${MOST_ENDS} processes of this part had to be ended before`, ms: 0 });
    }
  }

  #put(part: number, at: number, { message, ms }: Pick<CaseResult, 'message' | 'ms'>): void {
    const { plugin, cases } = this.#parts![part]!;
    const { id, name } = cases[at]!;
    const result = { id, name, ok: message === null, message, ms };
    this.#results.set(keyOf(part, id), result);
    this.#onCase(plugin, result);
  }
}
