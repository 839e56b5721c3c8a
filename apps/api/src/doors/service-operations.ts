import { answer, header, pathParameter, refusals } from './openapi-parts.ts';
import type { Operation } from './route.ts';

const service = ['service'];
const pictures = ['pictures'];
const binary = { type: 'string', contentMediaType: 'image/png' };
/** No key is needed. */
const open = { security: [] };

export const uploadOperation: Operation = {
  operationId: 'upload',
  summary: 'Store a picture to edit',
  description: 'The body is the file itself. The same pixels have the same id.',
  tags: pictures,
  requestBody: {
    required: true,
    content: Object.fromEntries(['image/png', 'image/jpeg', 'image/webp'].map((type) => [type, { schema: {} }])),
  },
  responses: { 201: answer('It is stored.', 'Upload'), ...refusals([400, 401, 408, 413, 415, 429, 503, 507]) },
};

export const imageOperation: Operation = {
  operationId: 'getImage',
  summary: 'A stored picture',
  description: 'It never changes. Where keys are needed its URL is signed, and comes from the API.',
  tags: pictures,
  parameters: [
    pathParameter('name', 'SHA-256 of the file, and .png.'),
    header('Range', 'A part of it.'),
    { name: 'expires', in: 'query', description: 'Of a signed URL.', schema: { type: 'integer' } },
    { name: 'signature', in: 'query', description: 'Of a signed URL.', schema: { type: 'string' } },
  ],
  responses: {
    200: answer('The picture.', binary, 'image/png'),
    206: answer('The part that was asked for.', binary, 'image/png'),
    304: { description: 'It is known by its ETag.' },
    ...refusals([401, 403, 404, 416]),
  },
  ...open,
};

export const samplesOperation: Operation = {
  operationId: 'getSamples',
  summary: 'Images that a model has drawn',
  description: 'In rows, one class per column: those that its evaluation has drawn by its own settings.',
  tags: pictures,
  parameters: [pathParameter('model', 'Its name.')],
  responses: {
    200: answer('The picture.', binary, 'image/png'),
    304: { description: 'It is known by its ETag.' },
    ...refusals([401, 404, 429]),
  },
};

export const webhookSecretOperation: Operation = {
  operationId: 'getWebhookSecret',
  summary: 'What webhooks are signed with',
  description:
    "Any library of Standard Webhooks checks messages with it. It is the same for all of a tenant's webhooks.",
  tags: ['generations'],
  responses: { 200: answer('The secret.', 'WebhookSecret'), ...refusals([401, 429]) },
};

export const documentOperation: Operation = {
  operationId: 'getOpenApi',
  summary: 'This document',
  tags: service,
  responses: { 200: answer('OpenAPI 3.1.', { type: 'object' }) },
  ...open,
};

/** Routes of the process itself, which stand elsewhere. */
export const healthOperation: Operation = {
  operationId: 'getHealth',
  summary: 'Whether the process lives',
  tags: service,
  responses: { 200: answer('It does.', { type: 'object' }), 503: answer('Models cannot run now.', { type: 'object' }) },
  ...open,
};

export const readyOperation: Operation = {
  operationId: 'getReady',
  summary: 'Whether requests should come here',
  tags: service,
  responses: { 200: answer('They should.', { type: 'object' }), 503: answer('They should not.', { type: 'object' }) },
  ...open,
};

export const metricsOperation: Operation = {
  operationId: 'getMetrics',
  summary: 'Numbers for Prometheus',
  description: 'Only where no keys are needed; else on the port TESSERA_METRICS_PORT.',
  tags: service,
  responses: { 200: answer('Text of Prometheus.', { type: 'string' }, 'text/plain') },
  ...open,
};
