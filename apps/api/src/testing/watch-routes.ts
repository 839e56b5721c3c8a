import express from 'express';
import { vi } from 'vitest';

/** What is registered with Express from now on: `get /v1/models`. */
export function watchRoutes(): ReadonlySet<string> {
  const routes = new Set<string>();
  // Apps of Express have these methods from here.
  for (const method of ['get', 'post', 'put', 'patch', 'delete', 'all', 'options', 'head'] as const) {
    const register = express.application[method] as (...args: unknown[]) => unknown;
    vi.spyOn(express.application, method).mockImplementation(function (this: unknown, ...args: unknown[]) {
      // With one argument it reads a setting.
      if (args.length > 1) routes.add(`${method} ${String(args[0]).replace(/:(\w+)/g, '{$1}')}`);
      return register.apply(this, args);
    } as never);
  }
  return routes;
}
