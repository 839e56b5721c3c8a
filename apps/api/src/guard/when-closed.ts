import type { Response } from 'express';

/** Calls `act` once the response has closed: at once where it has closed already, for no event says so any more. */
export function whenClosed(response: Response, act: () => void): void {
  if (response.destroyed) act();
  else response.once('close', act);
}
