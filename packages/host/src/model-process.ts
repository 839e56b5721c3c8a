import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { TesseraError } from '@tessera/errors';
import type { HostEvent } from './events.ts';
import type { ChildSetup, FromChild, ToChild } from './protocol.ts';

export type Ready = Extract<FromChild, { type: 'ready' }>;

/** One child process that runs models, from its start to its end. */
export interface ModelProcess {
  readonly pid: number;
  readonly ready: Ready;
  send(message: ToChild): void;
  /** Ends it at once; it holds nothing that must be saved. */
  kill(): Promise<void>;
}

export interface ModelProcessOptions {
  readonly setup: ChildSetup;
  onEvent(id: number, event: HostEvent): void;
  /** The process is gone; `how` completes "the model process ended ...". */
  onEnd(how: string): void;
}

const fromSources = import.meta.url.endsWith('.ts');
const entry = fileURLToPath(new URL(fromSources ? './child.ts' : './child.js', import.meta.url));

/**
 * Blocks of 4 MiB and more go back to the system when they are freed; by default malloc learns to keep them, and 0.2 GB
 * stay behind when a large model is loaded.
 */
const environment = {
  MALLOC_MMAP_THRESHOLD_: '4194304',
  ORT_DISABLE_TELEMETRY: '1',
};

/** The parent's own arguments, and what a child needs to run TypeScript where the parent runs it by other means. */
function childArguments(): string[] {
  const inherited = process.execArgv.filter((argument) => !argument.startsWith('--inspect'));
  if (!fromSources || inherited.some((argument) => argument.includes('tsx'))) return inherited;
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  return ['--conditions=@tessera/source', '--import', tsx];
}

/**
 * Starts a child and waits until it has looked at every model folder.
 * @throws TesseraError `model-process-failed`, or the child's own refusal (an unknown target)
 */
export async function startModelProcess(options: ModelProcessOptions): Promise<ModelProcess> {
  const child = fork(entry, [], {
    serialization: 'advanced',
    execArgv: childArguments(),
    env: { ...process.env, ...environment },
  });
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`before it began (${error.message})`));
    child.once('exit', (code, signal) => resolve(signal ? `by signal ${signal}` : `with exit code ${code}`));
  });
  const firstAnswer = once(child, 'message') as Promise<[FromChild]>;
  send(child, { type: 'setup', setup: options.setup });
  const answer = await Promise.race([firstAnswer.then(([message]) => message), ended]);
  if (typeof answer === 'string') throw didNotStart(answer);
  if (answer.type !== 'ready') {
    child.kill('SIGKILL');
    throw asError(answer);
  }
  child.on('message', (message: FromChild) => {
    if (message.type === 'event') options.onEvent(message.id, message.event);
  });
  void ended.then(options.onEnd);
  return {
    pid: child.pid!,
    ready: answer,
    send: (message) => send(child, message),
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** A message to a child that is just ending is lost without harm: its end is reported by `onEnd`. */
function send(child: ChildProcess, message: ToChild): void {
  if (child.connected) child.send(message, () => undefined);
}

function didNotStart(how: string): TesseraError {
  return new TesseraError({
    code: 'model-process-failed',
    who: 'host',
    got: `a model process that ended ${how} while it was starting`,
    expected: 'it to open the model folders',
    next: 'Look at its output above; out of memory is the usual cause.',
  });
}

function asError(answer: Exclude<FromChild, Ready>): Error {
  const refused = answer.type === 'refused' ? answer : { code: 'model-process-failed', message: 'It spoke too early.' };
  return Object.assign(new Error(refused.message), { name: 'TesseraError', code: refused.code });
}
