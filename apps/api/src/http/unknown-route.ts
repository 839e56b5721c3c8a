import type { RequestHandler } from 'express';
import { TesseraError } from '@tessera/errors';
import { asOpenAiError } from '../doors/openai-errors.ts';
import { isOpenAi } from '../doors/openai-routes.ts';
import type { Route } from '../doors/route.ts';
import { asErrors, notFound, type Refusal } from '../guard/refusal.ts';

type Known = Pick<Route, 'method' | 'path'>;

/** Behind all routes: a known path by another method is 405, any other path 404, in the shape that its clients read. */
export function refuseUnknown(routes: readonly Known[]): RequestHandler {
  const known = routes.map(({ method, path }) => ({ method, matches: patternOf(path) }));
  return (request, response) => {
    const methods = known.filter(({ matches }) => matches.test(request.path)).map(({ method }) => method.toUpperCase());
    const allowed = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
    // The path is there by its method: what it names is not.
    const isKnown = allowed.length > 0 && !allowed.includes(request.method);
    if (isKnown) response.set('Allow', allowed.join(', '));
    const refusal = isKnown ? wrongMethod(request, allowed) : { status: 404, error: notFound(request) };
    response.status(refusal.status).json(refusalBody(refusal, request.originalUrl));
  };
}

/** A refusal in the shape that clients of this path read. */
export function refusalBody({ status, error }: Refusal, path: string): object {
  return isOpenAi(path) ? asOpenAiError(error, status) : asErrors(error);
}

/** Express takes paths in any case, with or without a slash at their end. */
function patternOf(path: string): RegExp {
  const literal = path.replace(/[.+*?()[\]\\^$|]/g, '\\$&');
  return new RegExp(`^${literal.replace(/\{\w+\}/g, '[^/]+')}/?$`, 'i');
}

function wrongMethod({ method, path }: { readonly method: string; readonly path: string }, allowed: string[]): Refusal {
  const error = new TesseraError({
    code: 'method-not-allowed',
    who: 'api',
    got: `${method} ${path.slice(0, 100)}`,
    expected: allowed.join(' or '),
    next: 'Correct the method.',
  });
  return { status: 405, error };
}
