import { editBody, generateBody } from './openai-body.ts';
import { answer, header, jsonBody, pathParameter, refusals } from './openapi-parts.ts';
import type { Operation } from './route.ts';

const tags = ['openai'];
const again = [header('Idempotency-Key', 'A second request with the same key gets the same images.')];
const refused = refusals([400, 401, 404, 408, 409, 413, 415, 429, 500, 503], 'OpenAiError');
const file = (description: string) => ({ type: 'string', contentMediaType: 'application/octet-stream', description });

/** At once, or as events. */
const images = {
  description: 'The images; with stream, events whose type is in their data.',
  content: {
    'application/json': { schema: { $ref: '#/components/schemas/Images' } },
    'text/event-stream': { schema: { type: 'string' } },
  },
};

export const generateOperation: Operation = {
  operationId: 'createImage',
  summary: 'Images of a class that a prompt names',
  tags,
  parameters: again,
  requestBody: jsonBody(generateBody.json),
  responses: { 200: images, ...refused },
};

const editProperties = {
  ...editBody.json.properties,
  image: file('PNG, JPEG or WebP.'),
  mask: file('Transparent where the picture is redrawn.'),
};

export const editOperation: Operation = {
  operationId: 'createImageEdit',
  summary: 'Redraw a part of a picture',
  tags,
  parameters: again,
  requestBody: {
    required: true,
    content: {
      'multipart/form-data': {
        schema: { ...editBody.json, properties: editProperties, required: ['prompt', 'image'] },
      },
    },
  },
  responses: { 200: images, ...refused },
};

export const modelsOperation: Operation = {
  operationId: 'listModels',
  summary: 'The models',
  tags,
  responses: { 200: answer('All of them.', 'Models'), ...refusals([401, 429, 503], 'OpenAiError') },
};

export const modelOperation: Operation = {
  operationId: 'retrieveModel',
  summary: 'One model',
  tags,
  parameters: [pathParameter('model', 'Its id.')],
  responses: { 200: answer('Its facts.', 'Model'), ...refusals([401, 404, 429, 503], 'OpenAiError') },
};
