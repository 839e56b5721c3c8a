import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { TesseraError } from '@tessera/errors';
import { childArguments, modelEnvironment } from '@tessera/node-kit';
import { heartbeatFile, type ChildSetup, type FromChild, type ToChild } from './protocol.ts';
import { Watchdog, type Hang, type WatchLimits } from './watchdog.ts';

export type Ready = Extract<FromChild, { type: 'ready' }>;

/** One child process that runs models, from its start to its end. */
export interface ModelProcess {
  readonly pid: number;
  readonly ready: Ready;
  /** Watches it: the owner says when a generation begins, comes to a step, and ends. */
  readonly watchdog: Watchdog;
  /** Bytes of memory that it took at its newest beat; null before the first. */
  memoryBytes(): number | null;
  send(message: ToChild): void;
  /** Ends it at once; it holds nothing that must be saved. */
  kill(): Promise<void>;
}

interface ModelProcessOptions {
  readonly setup: ChildSetup;
  readonly limits: WatchLimits;
  /** Takes each line that it prints. */
  print(line: string): void;
  /** What it says after it is ready. */
  onMessage(message: FromChild): void;
  /** The process is gone; `how` completes "the model process ended ...". */
  onEnd(how: string): void;
  /** It is there and does nothing any more; its owner ends it. */
  onHang(why: Hang): void;
}

/** How long the last lines of a process that has ended may take; a process of a plug-in may hold the pipe open for longer. */
const LAST_WORDS_MS = 500;

const fromSources = import.meta.url.endsWith('.ts');
const entry = fileURLToPath(new URL(fromSources ? './child.ts' : './child.js', import.meta.url));

/**
 * Starts a child and waits until it can load models.
 * @throws TesseraError `model-process-failed`, or the child's own refusal (an unknown target)
 */
export async function startModelProcess(options: ModelProcessOptions): Promise<ModelProcess> {
  const { setup, limits } = options;
  const child = fork(entry, [], {
    serialization: 'advanced',
    execArgv: childArguments(fromSources),
    env: { ...process.env, ...modelEnvironment },
    stdio: ['inherit', 'pipe', 'pipe', 'ipc', 'pipe'],
  });
  const ended = endOf(child);
  const lastWords = printAll(child, options.print);
  const endedAndPrinted = ended.then(async (how) => {
    await Promise.race([lastWords, sleep(LAST_WORDS_MS, undefined, { ref: false })]);
    return how;
  });
  let ready: Ready | null = null;
  let tellHang: (how: string) => void;
  const hung = new Promise<string>((resolve) => (tellHang = resolve));
  const watchdog = new Watchdog(limits, (why) => (ready ? options.onHang(why) : tellHang(didNothing(why, limits))));
  const kill = async () => {
    watchdog.end();
    child.kill('SIGKILL');
    await ended;
  };
  const heart = child.stdio[heartbeatFile] as Readable;
  let memoryBytes: number | null = null;
  heart
    .on('error', () => undefined)
    .on('data', (lines: Buffer) => {
      watchdog.beat();
      memoryBytes = Number(lines.toString().trim().split('\n').at(-1));
    });
  heart.once('data', () => ready ?? watchdog.step());
  const firstAnswer = new Promise<FromChild>((resolve) => {
    child.on('message', (message: FromChild) => {
      if (ready) options.onMessage(message);
      else resolve(message);
    });
  });
  send(child, { type: 'setup', setup });
  const answer = await Promise.race([firstAnswer, endedAndPrinted.then((how) => `ended ${how}`), hung]);
  watchdog.rest();
  if (typeof answer === 'string' || answer.type !== 'ready') {
    await kill();
    throw typeof answer === 'string' ? didNotStart(answer) : asError(answer);
  }
  ready = answer;
  void endedAndPrinted.then((how) => {
    watchdog.end();
    options.onEnd(how);
  });
  return {
    pid: child.pid!,
    ready: answer,
    watchdog,
    memoryBytes: () => memoryBytes,
    send: (message) => send(child, message),
    kill,
  };
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`before it began (${error.message})`));
    child.once('exit', (code, signal) => resolve(signal ? `by signal ${signal}` : `with exit code ${code}`));
  });
}

/** Line by line. Resolves after the last one, which may come after the end of the process. */
async function printAll({ stdout, stderr }: ChildProcess, print: (line: string) => void): Promise<void> {
  const readers = [stdout!, stderr!].map((input) => createInterface({ input, crlfDelay: Infinity }).on('line', print));
  await Promise.all(readers.map((reader) => once(reader, 'close')));
}

/** A message to a child that is just ending is lost without harm: its end is reported by `onEnd`. */
function send(child: ChildProcess, message: ToChild): void {
  if (child.connected) child.send(message, () => undefined);
}

function didNothing(why: Hang, { beat, step }: WatchLimits): string {
  return why === 'beat' ? `was silent for ${beat / 1000} s` : `was not ready after ${step / 1000} s`;
}

function didNotStart(how: string): TesseraError {
  return new TesseraError({
    code: 'model-process-failed',
    who: 'host',
    got: `a model process that ${how} while it was starting`,
    expected: 'it to be ready',
    next: 'Look at its output above; out of memory is the usual cause.',
  });
}

function asError(answer: Exclude<FromChild, Ready>): Error {
  const refused = answer.type === 'refused' ? answer : { code: 'model-process-failed', message: 'It spoke too early.' };
  return Object.assign(new Error(refused.message), { name: 'TesseraError', code: refused.code });
}
