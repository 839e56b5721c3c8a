import express, { type ErrorRequestHandler, type Request, type RequestHandler, type Response } from 'express';
import { isTesseraError, TesseraError } from '@tessera/errors';
import { hasEnded, isLast, type Generation, type Owner } from '@tessera/store';
import { callerOf } from '../guard/require-caller.ts';
import { asErrors } from '../guard/refusal.ts';
import { whenClosed } from '../guard/when-closed.ts';
import { isInterruption } from '../streams/interruption.ts';
import { lastEventId } from '../subscriptions/event-stream-request.ts';
import type { Engine } from './engine.ts';
import { readGenerationBody } from './generation-body.ts';
import { eventJson, generationJson } from '../streams/generation-json.ts';
import {
  cancelOperation,
  createOperation,
  eventsOperation,
  findOperation,
  removeOperation,
} from './generation-operations.ts';
import { MOST_JSON, type Route } from './route.ts';
import { openSse } from './sse.ts';
import { setRetryAfter, statusOf } from './statuses.ts';
import { fieldOf } from './rest-field.ts';
import { cancelAfterOf, waitOf } from './wishes.ts';

/** `/v1/generations`: what GraphQL does with generations, for clients that speak plain HTTP. */
export function generationRoutes(engine: Engine): Route[] {
  const all = '/v1/generations';
  const one = `${all}/{id}`;
  const json = express.json({ limit: MOST_JSON, type: () => true });
  const routes = [
    { method: 'post', path: all, operation: createOperation, handlers: [json, create(engine)] },
    { method: 'get', path: one, operation: findOperation, handlers: [find(engine)] },
    { method: 'delete', path: one, operation: removeOperation, handlers: [remove(engine)] },
    { method: 'post', path: `${one}/cancel`, operation: cancelOperation, handlers: [cancel(engine)] },
    { method: 'get', path: `${one}/events`, operation: eventsOperation, handlers: [follow(engine)] },
  ] as const satisfies Route[];
  return routes.map((route) => ({ ...route, handlers: [...route.handlers, explain] }));
}

function find(engine: Engine): RequestHandler {
  return async (request, response) => send(response, await engine.find(ownerOf(response), idOf(request)), engine);
}

function remove(engine: Engine): RequestHandler {
  return async (request, response) => {
    await engine.remove(ownerOf(response), idOf(request));
    response.status(204).end();
  };
}

function cancel(engine: Engine): RequestHandler {
  return async (request, response) => {
    send(response.status(202), await engine.cancel(ownerOf(response), idOf(request)), engine);
  };
}

/** 201 with the finished one where it ends in the time that the client waits, else 202; 200 where it was finished by an earlier request of the same key. */
function create(engine: Engine): RequestHandler {
  return async (request, response) => {
    const owner = ownerOf(response);
    const input = readGenerationBody(request.body);
    const wait = waitOf(request.get('prefer'));
    const { generation, existed } = await engine.create(owner, {
      ...input,
      idempotencyKey: request.get('idempotency-key') ?? null,
      cancelAfterMs: cancelAfterOf(request.get('cancel-after')),
    });
    response.location(`/v1/generations/${generation.id}`);
    if (wait > 0) response.set('Preference-Applied', `wait=${wait}`);
    const now = await ended({ engine, owner, generation, seconds: wait }, response);
    if (response.destroyed) return;
    send(response.status(!hasEnded(now) ? 202 : existed ? 200 : 201), now, engine);
  };
}

interface Waiting {
  readonly engine: Engine;
  readonly owner: Owner;
  readonly generation: Generation;
  readonly seconds: number;
}

/** How it is at its end, at that of the time or of this server, or once the client has gone, which cancels nothing. */
async function ended({ engine, owner, generation, seconds }: Waiting, response: Response): Promise<Generation> {
  if (seconds === 0 || hasEnded(generation)) return generation;
  try {
    await waitForEnd({ engine, owner, generation, seconds }, response);
  } catch (error) {
    // Its client knows the id by the answer, and asks again.
    if (!isInterruption(error)) throw error;
  }
  return engine.find(owner, generation.id);
}

async function waitForEnd({ engine, owner, generation, seconds }: Waiting, response: Response): Promise<void> {
  const events = await engine.events(owner, generation.id, generation.lastSeq);
  const stop = () => void events.return?.();
  const timer = setTimeout(stop, 1000 * seconds);
  whenClosed(response, stop);
  try {
    for await (const { kind } of events) if (kind !== 'waiting' && isLast(kind)) break;
  } finally {
    clearTimeout(timer);
  }
}

/** Events after `Last-Event-ID` or `?after=`, then live ones, until the last: 204 where nothing can come any more. */
function follow(engine: Engine): RequestHandler {
  return async (request, response) => {
    const owner = ownerOf(response);
    const id = idOf(request);
    const after = lastEventId(request) ?? afterOf(request);
    const generation = await engine.find(owner, id);
    // An EventSource would come back for ever.
    if (hasEnded(generation) && after === generation.lastSeq) return void response.status(204).end();
    const refusal = engine.admitStream(request, response);
    if (refusal) return void response.status(refusal.status).set('Retry-After', '1').json(asErrors(refusal.error));
    const events = await engine.events(owner, id, after);
    whenClosed(response, () => void events.return?.());
    const stream = openSse(response);
    try {
      for await (const event of events) {
        // What is not stored has no id to go on after.
        const seq = event.kind === 'waiting' ? undefined : event.seq;
        await stream.send(
          event.kind,
          eventJson(event, (sha256) => engine.urlOf(sha256)),
          seq,
        );
      }
    } catch (error) {
      // Its client comes back, and goes on after the last event.
      if (!isTesseraError(error)) throw error;
    } finally {
      stream.end();
    }
  };
}

function afterOf(request: Request): number {
  const after = request.query['after'] ?? '0';
  if (typeof after === 'string' && /^\d{1,9}$/.test(after)) return Number(after);
  throw new TesseraError({
    code: 'after-out-of-range',
    who: 'generations',
    got: `after ${JSON.stringify(after).slice(0, 60)}`,
    expected: 'the seq of the last event that was seen, or 0 for all',
    next: 'Correct after, or leave it out.',
    field: ['after'],
  });
}

function send(response: Response, generation: Generation, engine: Engine): void {
  response.set('Cache-Control', 'no-store').json(generationJson(generation, (sha256) => engine.urlOf(sha256)));
}

function ownerOf(response: Response): Owner {
  return callerOf(response).owner;
}

function idOf(request: Request): string {
  return String(request.params['id']);
}

/** What Express says of bodies it says itself, further on. */
const explain: ErrorRequestHandler = (error: unknown, _request, response, next) => {
  if (!isTesseraError(error) || response.headersSent) return next(error);
  setRetryAfter(response, error as TesseraError);
  response
    .status(statusOf(error as TesseraError))
    .json(asErrors(error as TesseraError, fieldOf(error as TesseraError)));
};
