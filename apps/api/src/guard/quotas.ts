import { RateLimiterMemory, RateLimiterPostgres, type RateLimiterAbstract } from 'rate-limiter-flexible';
import { isTesseraError, TesseraError } from '@tessera/errors';
import type { Database, Owner } from '@tessera/store';
import type { Limits } from './limits.ts';

/** Counts what clients use, for all replicas together but for requests, which each process counts for itself. */
export interface Quotas {
  limitsOf(owner: Owner): Limits;
  /**
   * Charges a generation, in pixels times steps of all its images. The returned function gives it back.
   * @throws TesseraError `quota-exceeded`, with `retryAfter`; `quota-too-small`, `storage-failed`
   */
  chargeGeneration(owner: Owner, pixelSteps: number): Promise<() => Promise<void>>;
  /** @throws TesseraError `quota-exceeded`, with `retryAfter`; `quota-too-small`, `storage-failed` */
  chargeUpload(owner: Owner, bytes: number): Promise<void>;
  /** Error `rate-exceeded`, with `retryAfter`, for one request too many; else null. */
  countRequest(owner: Owner): Promise<TesseraError | null>;
}

const DAY_SECONDS = 24 * 60 * 60;
const MILLION = 1e6;

/** What is counted, and the words of its refusal. */
interface Meter {
  readonly limiter: RateLimiterAbstract;
  readonly code: 'quota-exceeded' | 'rate-exceeded';
  readonly who: string;
  readonly unit: string;
}

export function quotas(database: Database, limitsOf: Quotas['limitsOf']): Quotas {
  // Limits differ from client to client, so each charge looks at its own.
  const points = Number.MAX_SAFE_INTEGER;
  const daily = (keyPrefix: string) => {
    const storeClient = { query: (asked: Asked) => database.query(asked.text, asked.values) };
    const store = { storeClient, storeType: 'pool', tableName: 'quota', tableCreated: true };
    // What has expired is removed by the upkeep: a timer of each limiter would outlive the database.
    const options = { keyPrefix, points, duration: DAY_SECONDS, clearExpiredByTimeout: false };
    return new RateLimiterPostgres({ ...store, ...options });
  };
  const code = 'quota-exceeded';
  const cost: Meter = { limiter: daily('cost'), code, who: 'createGeneration', unit: 'megapixel-steps in 24 hours' };
  const uploads: Meter = { limiter: daily('upload'), code, who: 'uploads', unit: 'megabytes of uploads in 24 hours' };
  const minute = new RateLimiterMemory({ points, duration: 60 });
  const requests: Meter = { limiter: minute, code: 'rate-exceeded', who: 'api', unit: 'requests in a minute' };
  return {
    limitsOf,
    chargeGeneration: (owner, pixelSteps) =>
      charge(cost, { owner, amount: pixelSteps / MILLION, most: limitsOf(owner).costPerDay }),
    async chargeUpload(owner, bytes) {
      await charge(uploads, { owner, amount: bytes / MILLION, most: limitsOf(owner).uploadMegabytesPerDay });
    },
    countRequest: (owner) =>
      charge(requests, { owner, amount: 1, most: limitsOf(owner).requestsPerMinute }).then(
        () => null,
        (error: unknown) => {
          if (isTesseraError(error)) return error;
          throw error;
        },
      ),
  };
}

/** True for the refusals of `chargeGeneration` and `chargeUpload`. */
export function isQuotaError(error: unknown): boolean {
  return isTesseraError(error) && /^quota-/.test(error.code);
}

interface Asked {
  readonly text: string;
  readonly values: readonly unknown[];
}

interface Charge {
  readonly owner: Owner;
  readonly amount: number;
  readonly most: number | null;
}

/** What is refused is not counted. */
async function charge(meter: Meter, { owner, amount, most }: Charge): Promise<() => Promise<void>> {
  if (most === null) return () => Promise.resolve();
  const { limiter } = meter;
  const { consumedPoints, msBeforeNext } = await limiter.consume(owner.client, amount);
  const refund = async () => void (await limiter.reward(owner.client, amount));
  if (consumedPoints <= most) return refund;
  await refund();
  throw exceeded(meter, { amount, used: consumedPoints - amount, most, seconds: Math.ceil(msBeforeNext / 1000) });
}

interface Exceeded {
  readonly amount: number;
  readonly used: number;
  readonly most: number;
  readonly seconds: number;
}

function exceeded({ code, who, unit }: Meter, { amount, used, most, seconds }: Exceeded): TesseraError {
  const never = amount > most;
  return new TesseraError({
    code: never ? 'quota-too-small' : code,
    who,
    got: `${rounded(amount)} more on top of ${rounded(used)}`,
    expected: `at most ${rounded(most)} ${unit}`,
    next: never ? 'Ask for less at once.' : `Send it again in ${seconds} s.`,
    ...(!never && { retryAfter: seconds }),
  });
}

function rounded(value: number): string {
  return String(Number(value.toPrecision(4)));
}
