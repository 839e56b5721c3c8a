import { readWhole } from '../read-whole.ts';

/** What one client may use: a key, or an address where keys are off. null bounds nothing. */
export interface Limits {
  /** Megapixel-steps in 24 hours: a million pixels, drawn in one step, are one. */
  readonly costPerDay: number | null;
  readonly uploadMegabytesPerDay: number | null;
  /** Of each process. */
  readonly requestsPerMinute: number | null;
  /** Generations that may wait. */
  readonly waiting: number | null;
  /** Open sockets and streams. */
  readonly sockets: number | null;
}

/** Each with its variable, and the option of `tessera keys create` in the same letters. */
export const limitNames = {
  costPerDay: 'TESSERA_COST_PER_DAY',
  uploadMegabytesPerDay: 'TESSERA_UPLOAD_MB_PER_DAY',
  requestsPerMinute: 'TESSERA_REQUESTS_PER_MINUTE',
  waiting: 'TESSERA_WAITING_PER_CLIENT',
  sockets: 'TESSERA_SOCKETS_PER_CLIENT',
} as const satisfies Record<keyof Limits, string>;

/**
 * What holds for everyone whose key says nothing else.
 * @throws TesseraError `limit-invalid`
 */
export function readLimits(environment: NodeJS.ProcessEnv): Limits {
  const limits = Object.entries(limitNames).map(([name, variable]) => [
    name,
    readWhole(environment, {
      name: variable,
      code: 'limit-invalid',
      from: 1,
      to: 999_999_999_999,
      otherwise: 'no limit',
    }),
  ]);
  return Object.fromEntries(limits) as Record<keyof Limits, number | null>;
}
