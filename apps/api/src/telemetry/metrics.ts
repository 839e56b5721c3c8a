import type { RequestHandler } from 'express';
import { registry } from '@tessera/telemetry';

/** Everything that this process knows, in the text format of Prometheus. */
export const sendMetrics: RequestHandler = async (_request, response) => {
  response
    .set('Content-Type', registry.contentType)
    .set('Cache-Control', 'no-store')
    .send(await registry.metrics());
};
