import type { ErrorRequestHandler, Express, RequestHandler } from 'express';

/** The longest body in JSON, of all routes that take one. */
export const MOST_JSON = '256kb';

/** A route and what OpenAPI says of it: neither is there without the other. */
export interface Route {
  readonly method: 'get' | 'post' | 'delete';
  /** As OpenAPI writes it: `/v1/generations/{id}`. */
  readonly path: string;
  readonly operation: Operation;
  readonly handlers: readonly (RequestHandler | ErrorRequestHandler)[];
}

/** An operation of OpenAPI 3.1. */
export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly object[];
  readonly requestBody?: object;
  readonly responses: Readonly<Record<string, object>>;
  /** Empty where no key is needed. */
  readonly security?: readonly object[];
}

/** Express writes `:id` where OpenAPI writes `{id}`. */
export function mountRoutes(app: Express, routes: readonly Route[]): void {
  for (const { method, path, handlers } of routes) app[method](path.replace(/\{(\w+)\}/g, ':$1'), ...handlers);
}
