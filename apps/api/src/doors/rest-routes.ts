import type { Blobs } from '@tessera/blobs';
import type { RequestHandler } from 'express';
import { callerOf } from '../guard/require-caller.ts';
import type { ImageUrls } from '../guard/image-urls.ts';
import { asErrors, notFound } from '../guard/refusal.ts';
import { imageRoute } from '../images/image-route.ts';
import { uploadRoute } from './upload-route.ts';
import type { Engine } from './engine.ts';
import { generationRoutes } from './generation-routes.ts';
import { openAiRoutes } from './openai-routes.ts';
import { openApiDocument, type DocumentedRoute } from './openapi.ts';
import type { Route } from './route.ts';
import {
  documentOperation,
  healthOperation,
  imageOperation,
  metricsOperation,
  readyOperation,
  samplesOperation,
  uploadOperation,
  webhookSecretOperation,
} from './service-operations.ts';

export interface RestParts {
  readonly engine: Engine;
  readonly blobs: Blobs;
  readonly urls: ImageUrls;
  /** Whose pages may show pictures. */
  readonly origins: readonly string[];
}

/** Every route of this API but GraphQL's and those of the process itself, each with what OpenAPI says of it. */
export function restRoutes({ engine, blobs, urls, origins }: RestParts): Route[] {
  const routes: Route[] = [
    { method: 'post', path: '/v1/uploads', operation: uploadOperation, handlers: uploadRoute(engine) },
    {
      method: 'get',
      path: '/images/{name}',
      operation: imageOperation,
      handlers: [imageRoute({ blobs, origins, urls })],
    },
    { method: 'get', path: '/v1/models/{model}/samples', operation: samplesOperation, handlers: [sendSamples(engine)] },
    { method: 'get', path: '/v1/webhooks/secret', operation: webhookSecretOperation, handlers: [sendSecret(engine)] },
    ...generationRoutes(engine),
    ...openAiRoutes(engine),
  ];
  const path = '/openapi.json';
  const self: DocumentedRoute = { method: 'get', path, operation: documentOperation };
  const document = openApiDocument([...routes, self, ...ofTheProcess]);
  const sendDocument: RequestHandler = (_request, response) => void response.json(document);
  return [...routes, { ...self, handlers: [sendDocument] }];
}

const ofTheProcess: readonly DocumentedRoute[] = [
  { method: 'get', path: '/healthz', operation: healthOperation },
  { method: 'get', path: '/readyz', operation: readyOperation },
  { method: 'get', path: '/metrics', operation: metricsOperation },
];

/** A model of the same name may take its place: a browser asks each time whether the picture is still the same. */
function sendSamples(engine: Engine): RequestHandler {
  return (request, response, next) => {
    const path = engine.samplesOf(String(request.params['model']));
    if (path === null) return void response.status(404).json(asErrors(notFound(request)));
    response.set('Cache-Control', 'private, no-cache').type('png');
    response.sendFile(path, { cacheControl: false }, (error) => error && next(error));
  };
}

function sendSecret(engine: Engine): RequestHandler {
  return (_request, response) => {
    const { tenant } = callerOf(response).owner;
    response.set('Cache-Control', 'no-store').json({ secret: engine.webhookSecretOf(tenant) });
  };
}
