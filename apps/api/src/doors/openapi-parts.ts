import type { JsonSchema } from '@tessera/schema';

/** What several operations of OpenAPI say alike. */

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

export function jsonBody(schema: JsonSchema): object {
  return { required: true, content: { 'application/json': { schema } } };
}

export function answer(description: string, schema: string | object, type = 'application/json'): object {
  return { description, content: { [type]: { schema: typeof schema === 'string' ? ref(schema) : schema } } };
}

const meanings: Readonly<Record<number, string>> = {
  400: 'Something of the request is wrong; the message says what.',
  401: 'A key is needed, or the one that came is not known.',
  403: 'The signature of the URL is not right, or its time has passed.',
  404: 'There is none, or it is of another tenant.',
  408: 'The body came too slowly.',
  409: 'The idempotency key came before, with another request.',
  413: 'The body is too large.',
  415: 'The body is of another type.',
  416: 'The range lies outside of the picture.',
  429: 'Too many wait, or a quota is used up; Retry-After says when to come again.',
  500: 'The generation failed, or the server has a fault.',
  503: 'The server cannot do it now; Retry-After says when to come again.',
  507: 'There is no room to store it.',
};

/** Refusals in GraphQL's shape, or in OpenAI's. */
export function refusals(
  statuses: readonly number[],
  shape: 'Errors' | 'OpenAiError' = 'Errors',
): Record<string, object> {
  return Object.fromEntries(statuses.map((status) => [status, answer(meanings[status]!, shape)]));
}

export function pathParameter(name: string, description: string, schema: object = { type: 'string' }): object {
  return { name, in: 'path', required: true, description, schema };
}

export function header(name: string, description: string, schema: object = { type: 'string' }): object {
  return { name, in: 'header', required: false, description, schema };
}

const nullable = (type: string, more: object = {}) => ({ type: [type, 'null'], ...more });
const text = { type: 'string' };
const moment = { type: 'string', format: 'date-time' };
const whole = { type: 'integer' };
const listOf = (items: object) => ({ type: 'array', items });
const object = (properties: Record<string, object>, optional: readonly string[] = []) => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
});

/** As it was accepted: with what was left out filled in, but for what the model decides. */
const request = object(
  {
    model: text,
    images: listOf({ type: 'object' }),
    seed: whole,
    options: { type: 'object' },
    guidance: { type: 'number' },
    preview: text,
    size: { type: 'object' },
    details: { type: 'boolean' },
    edit: { type: 'object' },
  },
  ['guidance', 'preview', 'size', 'details', 'edit'],
);
const image = object({ b64_json: text, url: text, seed: whole }, ['b64_json', 'url']);
const usage = object({
  input_tokens: whole,
  input_tokens_details: { type: 'object' },
  output_tokens: whole,
  total_tokens: whole,
});

/** What a known path says to any method that it does not have. */
export const responses = {
  MethodNotAllowed: {
    ...answer('The path has no such method: Allow lists those that it has.', {
      oneOf: [ref('Errors'), ref('OpenAiError')],
    }),
    headers: { Allow: { description: 'The methods of the path.', schema: { type: 'string' } } },
  },
};

/** What is answered. Bodies of requests are described by the schemas that check them. */
export const components = {
  Errors: object({
    errors: listOf(
      object({
        message: text,
        extensions: object(
          {
            code: text,
            field: {
              ...listOf(text),
              description: 'Path of what is to blame in the body, or the name of a header or parameter.',
            },
          },
          ['field'],
        ),
      }),
    ),
  }),
  OpenAiError: object({ error: object({ message: text, type: text, param: nullable('string'), code: text }) }),
  Picture: object({ sha256: text, url: text }),
  Upload: object({ id: text, url: text, height: whole, width: whole }),
  Generation: object({
    id: { type: 'string', format: 'uuid' },
    state: { type: 'string', enum: ['queued', 'running', 'completed', 'failed', 'canceled'] },
    request,
    images: listOf(ref('Picture')),
    failure: { oneOf: [{ type: 'null' }, object({ code: text, message: text })] },
    attempt: whole,
    priority: whole,
    retryOf: nullable('string'),
    lastSeq: whole,
    createdAt: moment,
    startedAt: nullable('string', { format: 'date-time' }),
    finishedAt: nullable('string', { format: 'date-time' }),
    deadline: nullable('string', { format: 'date-time' }),
    urls: object({ self: text, events: text, cancel: text }),
  }),
  Event: {
    ...object({ seq: whole, at: moment, kind: text }),
    additionalProperties: true,
    description: 'kind says which further fields there are: as in the GraphQL schema, with pictures as Picture.',
  },
  WebhookSecret: object({ secret: text }),
  Model: object({
    id: text,
    object: { const: 'model' },
    created: whole,
    owned_by: text,
    title: text,
    size: text,
    sizes: { oneOf: [{ type: 'null' }, object({ step: whole, least: whole, most: whole })] },
    classes: listOf(text),
    options: { type: 'object' },
    tokens: whole,
  }),
  Models: object({ object: { const: 'list' }, data: listOf(ref('Model')) }),
  Images: object({ created: whole, data: listOf(image), background: text, output_format: text, size: text, usage }),
} as const;
