import process from 'node:process';
import { collectDefaultMetrics, Gauge } from 'prom-client';
import { configureLog, flushLog, log, logError, readLogOptions } from './log.ts';
import { registry } from './meters.ts';
import { isTraced, startTracing } from './start-tracing.ts';

let collects = false;

/**
 * Logs, metrics and traces of this process, as its environment asks for them: once, before anything else starts. Returns
 * what writes and sends the rest, to be called last.
 * @throws TesseraError `log-invalid`
 */
export async function startTelemetry(role: string, environment = process.env): Promise<() => Promise<void>> {
  configureLog(readLogOptions(environment), role);
  collectProcess(role);
  const endTracing = isTraced(environment) ? await startTracing(role, environment) : () => Promise.resolve();
  return async () => {
    // A receiver that is gone must not keep the process from ending.
    await endTracing().catch((error: unknown) => logError('the last traces could not be sent', error));
    log.debug('telemetry ends');
    await flushLog();
  };
}

/** Memory, processor, event loop, garbage collection, open handles: prom-client's own. */
function collectProcess(role: string): void {
  if (collects) return;
  collects = true;
  collectDefaultMetrics({ register: registry });
  const info = new Gauge({
    name: 'tessera_process_info',
    help: 'What this process is.',
    labelNames: ['role', 'node'],
    registers: [registry],
  });
  info.set({ role, node: process.version }, 1);
}
