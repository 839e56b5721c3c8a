import { TesseraError } from '@tessera/errors';

export interface TelemetryOptions {
  /** Where metrics and probes are served too, on the same address; null: nowhere else. 0 takes a free one. */
  readonly metricsPort: number | null;
}

/**
 * TESSERA_METRICS_PORT (none).
 * @throws TesseraError `port-invalid`
 */
export function readTelemetryOptions({ TESSERA_METRICS_PORT: text }: NodeJS.ProcessEnv): TelemetryOptions {
  if (!text) return { metricsPort: null };
  const metricsPort = Number(text);
  if (/^\d+$/.test(text) && metricsPort <= 65_535) return { metricsPort };
  throw new TesseraError({
    code: 'port-invalid',
    who: 'api',
    got: `TESSERA_METRICS_PORT=${text.slice(0, 100)}`,
    expected: 'a number from 0 to 65535',
    next: 'Leave it out to serve metrics nowhere else.',
  });
}
