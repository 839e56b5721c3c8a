import { generationBody } from './generation-body.ts';
import { answer, header, jsonBody, pathParameter, refusals } from './openapi-parts.ts';
import type { Operation } from './route.ts';

const tags = ['generations'];
const parameters = [pathParameter('id', 'Of a generation.', { type: 'string', format: 'uuid' })];
const location = { Location: { description: 'Path of the generation.', schema: { type: 'string' } } };

export const createOperation: Operation = {
  operationId: 'createGeneration',
  summary: 'Create a generation',
  description:
    'Accepted means stored. With Prefer: wait the answer comes with the finished generation where it ends in time.',
  tags,
  parameters: [
    header('Idempotency-Key', 'A second request with the same key gets the first generation.'),
    header('Prefer', 'wait=10 waits for the end for so many seconds, 60 at most (RFC 7240).'),
    header('Cancel-After', 'Cancels the generation where it has not ended in this time: 30s, 5m or 1h30m.'),
  ],
  requestBody: jsonBody(generationBody.json),
  responses: {
    200: { ...answer('Finished, and made by an earlier request of the same key.', 'Generation'), headers: location },
    201: { ...answer('Finished in the time that was waited.', 'Generation'), headers: location },
    202: { ...answer('Accepted; it is queued or runs.', 'Generation'), headers: location },
    ...refusals([400, 401, 404, 409, 413, 429, 503]),
  },
};

export const findOperation: Operation = {
  operationId: 'getGeneration',
  summary: 'A generation, as it is now',
  tags,
  parameters,
  responses: { 200: answer('How it is.', 'Generation'), ...refusals([401, 404, 503]) },
};

export const removeOperation: Operation = {
  operationId: 'deleteGeneration',
  summary: 'Delete a generation with its events',
  description: 'One that has not ended is canceled first.',
  tags,
  parameters,
  responses: { 204: { description: 'It is gone.' }, ...refusals([401, 404, 503]) },
};

export const cancelOperation: Operation = {
  operationId: 'cancelGeneration',
  summary: 'Cancel a generation',
  description: 'The event canceled says when it has ended. Nothing happens to one that has.',
  tags,
  parameters,
  responses: { 202: answer('How it is now.', 'Generation'), ...refusals([401, 404, 503]) },
};

export const eventsOperation: Operation = {
  operationId: 'followGeneration',
  summary: 'Events of a generation',
  description:
    'Stored ones first, then live ones, until the last. Each has its seq as id, and goes on after Last-Event-ID.',
  tags,
  parameters: [
    ...parameters,
    header('Last-Event-ID', 'The last event that was seen.', { type: 'integer', minimum: 0 }),
    {
      name: 'after',
      in: 'query',
      description: 'The same where no header can be set.',
      schema: { type: 'integer', minimum: 0 },
    },
  ],
  responses: {
    200: answer('Server-sent events: their data is an Event.', 'Event', 'text/event-stream'),
    204: { description: 'All events have been seen.' },
    ...refusals([400, 401, 404, 429, 503]),
  },
};
