import type { RequestHandler, Response } from 'express';
import { asErrors } from '../http/refusal.ts';
import type { Caller } from './caller.ts';
import { isRefusal, type Guard } from './guard.ts';

/** Refuses before anything of the body is read; what comes behind it asks `callerOf`. */
export function requireCaller(guard: Guard): RequestHandler {
  return async (request, response, next) => {
    const found = await guard.identify(request);
    if (!isRefusal(found)) {
      response.locals['caller'] = found;
      return next();
    }
    if (found.status === 401) response.set('WWW-Authenticate', 'Bearer');
    response.status(found.status).json(asErrors(found.error));
  };
}

/** Who asks, behind `requireCaller`. */
export function callerOf(response: Response): Caller {
  return response.locals['caller'] as Caller;
}
