import { getOperationAST, OperationTypeNode, type ExecutionArgs } from 'graphql';
import type { Request, RequestHandler, Response } from 'express';
import { isTesseraError, TesseraError } from '@tessera/errors';
import type { Guard } from '../guard/guard.ts';
import { callerOf } from '../guard/require-caller.ts';
import { whenClosed } from '../guard/when-closed.ts';
import type { Refusal } from '../guard/refusal.ts';
import { contextOf, type ApiParts } from '../schema/builder.ts';
import type { ConnectionLimits } from './connection-limits.ts';
import { askedBy, lastEventId, refuse, wantsEventStream } from './event-stream-request.ts';
import { isInterruption } from '../streams/interruption.ts';
import { formatted, isAnswers, type Operations } from './operations.ts';
import type { Answer, Answers } from './shared-answers.ts';

/** Sooner than proxies give up what says nothing. */
const HEARTBEAT_MS = 12_000;
/** When a browser comes back after a cut. */
const RETRY_MS = 1000;

export interface EventStreamParts {
  readonly guard: Guard;
  readonly limits: ConnectionLimits;
  readonly operations: Operations;
  readonly parts: ApiParts;
}

/**
 * GraphQL over Server-Sent Events: the protocol of `graphql-sse`, distinct connections mode. Each event also has its seq as
 * `id`, so that a client that sends it back as `Last-Event-ID`, as browsers do by themselves, goes on after it.
 */
export interface EventStreams {
  /** Behind the routes that check the request and read its body; passes on what asks for another answer. */
  readonly route: RequestHandler;
  /** Counts a response as an open stream, keeps it awake and ends it in time; or says why there may not be one more. */
  admit(request: Request, response: Response): Refusal | null;
  /** Cuts those that have not read all by now. The others say their end themselves, when that of the events reaches them. */
  close(): void;
}

export function serveEventStreams({ guard, limits, operations, parts }: EventStreamParts): EventStreams {
  const open = new Set<Response>();
  const timer = setInterval(() => {
    for (const response of open) if (isIdle(response)) response.write(':\n\n');
  }, HEARTBEAT_MS);
  timer.unref();
  const admit: EventStreams['admit'] = (request, response) => {
    const caller = callerOf(response);
    const tooMany = guard.tooManyOpen(caller);
    if (tooMany) return { status: 429, error: tooMany };
    const address = guard.addressOf(request);
    const refusal = refusalOf(limits, address);
    if (refusal) return refusal;
    const close = () => end(response);
    const kind = 'serverSentEvents';
    const { ended } = limits.watch({ kind, buffered: () => response.writableLength, close }, address);
    const forget = guard.whenRevoked(caller, close);
    open.add(response);
    response.on('error', () => undefined);
    whenClosed(response, () => {
      open.delete(response);
      forget();
      ended();
    });
    return null;
  };
  const serve = async (request: Request, response: Response): Promise<void> => {
    const asked = askedBy(request);
    const resumeAfter = lastEventId(request);
    const refusal = admit(request, response);
    if (refusal) return refuse(response.set('Retry-After', '1'), refusal);
    const caller = callerOf(response);
    const args = await operations.read(asked, contextOf(parts, caller, resumeAfter));
    if (!('document' in args)) return sendOne(response, formatted({ errors: args }));
    if (request.method === 'GET' && isMutation(args)) return refuse(response.set('Allow', 'POST'), mutationByGet());
    const result = await operations.run(args);
    if (!isAnswers(result)) return sendOne(response, formatted(result));
    whenClosed(response, () => void result.return());
    if (response.destroyed) return;
    await sendAll(response, { answers: result, resumed: resumeAfter !== null, turn: operations.turn });
  };
  return {
    async route(request, response, next) {
      if (!wantsEventStream(request)) return next();
      try {
        await serve(request, response);
      } catch (error) {
        if (!isTesseraError(error) || response.headersSent) throw error;
        refuse(response, { status: 400, error });
      }
    },
    admit,
    close() {
      clearInterval(timer);
      for (const response of open) if (response.writableLength > 0) response.destroy();
    },
  };
}

/** Before its head, an answer is no stream yet: it may still become a refusal. */
function isIdle({ headersSent, writableEnded, writableLength }: Response): boolean {
  return headersSent && !writableEnded && writableLength === 0;
}

/** Without the message `complete`, so that its client comes back. What it has not read by now it reads then. */
function end(response: Response): void {
  if (!response.headersSent || response.writableLength > 0) response.destroy();
  else response.end();
}

function refusalOf(limits: ConnectionLimits, address: string | undefined): Refusal | null {
  const error = limits.refusalOfOperation(0);
  return limits.refusalOf(address) ?? (error && { status: 503, error });
}

function isMutation({ document, operationName }: ExecutionArgs): boolean {
  return getOperationAST(document, operationName)?.operation === OperationTypeNode.MUTATION;
}

function mutationByGet(): Refusal {
  const error = new TesseraError({
    code: 'BAD_REQUEST',
    who: 'api',
    got: 'a mutation by GET',
    expected: 'a GET that changes nothing',
    next: 'Send it as a POST.',
  });
  return { status: 405, error };
}

interface Delivery extends Pick<Operations, 'turn'> {
  readonly answers: Answers;
  /** It goes on after an event that its client has had. */
  readonly resumed: boolean;
}

/** One after the other has left this process, each in its turn among all others. */
async function sendAll(response: Response, { answers, resumed, turn }: Delivery): Promise<void> {
  const first = answers.next(false);
  // A browser comes back also after the last event, until it is told that there is no more.
  if (resumed && (await isOver(first))) return void response.status(204).end();
  begin(response);
  try {
    let slow = false;
    for (let answer = await first; answer !== null; answer = await answers.next(slow)) {
      await turn();
      slow = await sent(response, messageOf(answer));
    }
    response.end(COMPLETE);
  } catch (error) {
    if (!isInterruption(error)) throw error;
    // Without the message `complete` its client comes back for the rest.
    response.end(`: ${error.message}\n\n`);
  }
}

/** True where nothing comes any more; false as soon as something may. */
async function isOver(first: Promise<Answer | null>): Promise<boolean> {
  const later = new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined)));
  return (await Promise.race([first.catch(() => undefined), later])) === null;
}

const COMPLETE = 'event: complete\ndata:\n\n';

function messageOf({ text, seq }: Answer): string {
  return `${seq === null ? '' : `id: ${seq}\n`}event: next\ndata: ${text}\n\n`;
}

function begin(response: Response): void {
  response.writeHead(200, {
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-store, no-transform',
    // nginx would keep events back.
    'X-Accel-Buffering': 'no',
  });
  response.write(`retry: ${RETRY_MS}\n:\n\n`);
}

function sendOne(response: Response, result: object): void {
  begin(response);
  response.end(`${messageOf({ text: JSON.stringify(result), seq: null })}${COMPLETE}`);
}

/** Resolves when the message has left: never where its client has gone. True where it had to wait. */
function sent(response: Response, message: string): Promise<boolean> {
  return new Promise((resolve) => {
    response.write(message, () => resolve(waits));
    const waits = response.writableLength > 0;
  });
}
