import { createServer } from 'node:http';
import express, { type RequestHandler } from 'express';
import type { Undo } from '../undo.ts';
import { listen, nameOf, type Place } from '../listen.ts';
import { sendHealth, sendReadiness, type HealthParts } from './health.ts';
import { sendMetrics } from './metrics.ts';

/** What operators and their programs ask of any process, whatever its role. */
export interface OperatorsRoutes {
  readonly health: RequestHandler;
  readonly ready: RequestHandler;
  readonly metrics: RequestHandler;
}

export function operatorsRoutes(parts: HealthParts): OperatorsRoutes {
  return { health: sendHealth(parts), ready: sendReadiness(parts), metrics: sendMetrics(parts.overview) };
}

/**
 * Serves them on a port of its own, under any host name and without keys: TESSERA_METRICS_PORT, which no firewall should open.
 * Returns its URL.
 * @throws TesseraError `address-in-use`, `address-unusable`
 */
export async function openOperatorsPort(
  { health, ready, metrics }: OperatorsRoutes,
  place: Place,
  undo: Undo,
): Promise<string> {
  const app = express().disable('x-powered-by');
  app.get('/healthz', health).get('/readyz', ready).get('/metrics', metrics);
  app.use((_request, response) => void response.status(404).type('text/plain').send('/healthz, /readyz, /metrics\n'));
  const server = createServer(app);
  const { port } = await listen(server, place);
  undo.add(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://${nameOf(place.address)}:${port}`;
}
