import { readWhole } from '../read-whole.ts';

export interface TelemetryOptions {
  /** Where metrics and probes are served too, on the same address; null: nowhere else. 0 takes a free one. */
  readonly metricsPort: number | null;
}

/**
 * TESSERA_METRICS_PORT (none).
 * @throws TesseraError `port-invalid`
 */
export function readTelemetryOptions(environment: NodeJS.ProcessEnv): TelemetryOptions {
  const variable = { name: 'TESSERA_METRICS_PORT', code: 'port-invalid', from: 0, to: 65_535 };
  return { metricsPort: readWhole(environment, { ...variable, otherwise: 'no port of its own' }) };
}
