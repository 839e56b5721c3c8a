import cors from 'cors';
import type { RequestHandler } from 'express';

/**
 * Lets the pages of listed origins read answers, and answers their preflights. Others, whom the gate has let pass, are
 * pages of this server or programs, which need none of it.
 */
export function allowOrigins(origins: readonly string[]): RequestHandler {
  const allow = cors({ origin: [...origins], methods: ['GET', 'HEAD', 'POST'], maxAge: 600 });
  return (request, response, next) => {
    response.set('Cross-Origin-Resource-Policy', 'same-origin');
    // An answer kept from one page must not stand for that to another.
    if (origins.length > 0) response.vary('Origin');
    if (!origins.includes(request.headers.origin ?? '')) return next();
    allow(request, response, next);
  };
}
