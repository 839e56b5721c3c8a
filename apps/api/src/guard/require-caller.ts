import type { RequestHandler, Response } from 'express';
import { asErrors, type Refusal } from '../http/refusal.ts';
import type { Caller } from './caller.ts';
import { isRefusal, type Guard } from './guard.ts';

/** Refuses before anything of the body is read; what comes behind it asks `callerOf`. */
export function requireCaller(guard: Guard): RequestHandler {
  return async (request, response, next) => {
    const found = await guard.identify(request);
    if (isRefusal(found)) return sendRefusal(response, found);
    const tooOften = await guard.quotas.countRequest(found.owner);
    if (tooOften) return sendRefusal(response, { status: 429, error: tooOften });
    response.locals['caller'] = found;
    next();
  };
}

/** Says when to try again, in the header that programs look at. */
export function sendRefusal(response: Response, { status, error }: Refusal): void {
  const { retryAfter } = error.parts;
  if (status === 401) response.set('WWW-Authenticate', 'Bearer');
  if (retryAfter !== undefined) response.set('Retry-After', String(retryAfter));
  response.status(status).json(asErrors(error));
}

/** Who asks, behind `requireCaller`. */
export function callerOf(response: Response): Caller {
  return response.locals['caller'] as Caller;
}
