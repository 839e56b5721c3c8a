import type { RequestHandler, Response } from 'express';
import { asErrors, type Refusal } from './refusal.ts';
import type { Caller } from './caller.ts';
import { isRefusal, type Guard } from './guard.ts';

/** What a refusal says to whom asked for a path. */
type BodyOf = (refusal: Refusal, path: string) => object;

/** Refuses before anything of the body is read; what comes behind it asks `callerOf`. */
export function requireCaller(guard: Guard, bodyOf: BodyOf = ({ error }) => asErrors(error)): RequestHandler {
  return async (request, response, next) => {
    const refuse = (refusal: Refusal) => sendRefusal(response, refusal, bodyOf(refusal, request.originalUrl));
    const found = await guard.identify(request);
    if (isRefusal(found)) return refuse(found);
    const tooOften = await guard.quotas.countRequest(found.owner);
    if (tooOften) return refuse({ status: 429, error: tooOften });
    response.locals['caller'] = found;
    next();
  };
}

/** Says when to try again, in the header that programs look at. */
export function sendRefusal(response: Response, { status, error }: Refusal, body: object = asErrors(error)): void {
  const { retryAfter } = error.parts;
  if (status === 401) response.set('WWW-Authenticate', 'Bearer');
  if (retryAfter !== undefined) response.set('Retry-After', String(retryAfter));
  response.status(status).json(body);
}

/** Who asks, behind `requireCaller`. */
export function callerOf(response: Response): Caller {
  return response.locals['caller'] as Caller;
}
