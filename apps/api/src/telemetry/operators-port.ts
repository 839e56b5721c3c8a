import { createServer } from 'node:http';
import express, { type RequestHandler } from 'express';
import type { Undo } from '../undo.ts';
import { listen } from '../roles/listen.ts';

/** What operators and their programs ask of any process, whatever its role. */
export interface OperatorsRoutes {
  readonly health: RequestHandler;
  readonly ready: RequestHandler;
  readonly metrics: RequestHandler;
}

/**
 * Serves them on a port of its own, under any host name and without keys: TESSERA_METRICS_PORT, which no firewall should open.
 * @throws TesseraError `address-in-use`, `address-unusable`
 */
export async function openOperatorsPort(
  { health, ready, metrics }: OperatorsRoutes,
  place: { readonly port: number; readonly address: string },
  undo: Undo,
): Promise<void> {
  const app = express().disable('x-powered-by');
  app.get('/healthz', health).get('/readyz', ready).get('/metrics', metrics);
  app.use((_request, response) => void response.status(404).type('text/plain').send('/healthz, /readyz, /metrics\n'));
  const server = createServer(app);
  await listen(server, place);
  undo.add(() => {
    server.close();
    server.closeAllConnections();
  });
}
