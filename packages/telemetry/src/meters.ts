import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What this process counts, from its start to its end: `/metrics` shows it, and docs/operations.md says how it is read. */
export const registry = new Registry();

const registers = [registry];
/** From a tenth of a millisecond: appends and blobs of a machine alone take less than one. */
const short = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];
/** To ten minutes: waiting, whole images, models. */
const long = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 600];
const few = [1, 2, 4, 8, 16, 32, 64, 128, 256];

const model = ['model'] as const;

/** Of what clients ask for. */
const ofRequests = {
  requests: new Histogram({
    name: 'tessera_http_request_duration_seconds',
    help: 'HTTP requests until their answer was sent, by route.',
    labelNames: ['route', 'method', 'status'],
    buckets: short,
    registers,
  }),
  operations: new Histogram({
    name: 'tessera_graphql_operation_duration_seconds',
    help: 'GraphQL queries and mutations on both transports, by kind and whether they had errors.',
    labelNames: ['kind', 'result'],
    buckets: short,
    registers,
  }),
  refusals: new Counter({
    name: 'tessera_refusals_total',
    help: 'Requests over HTTP and sockets that were refused, by code.',
    labelNames: ['code'],
    registers,
  }),
  webSockets: new Gauge({ name: 'tessera_websocket_connections', help: 'Open WebSockets.', registers }),
  serverSentEvents: new Gauge({ name: 'tessera_sse_connections', help: 'Open event streams.', registers }),
  followers: new Gauge({
    name: 'tessera_event_followers',
    help: 'Subscriptions to events of generations on this process.',
    registers,
  }),
  feeds: new Gauge({
    name: 'tessera_event_feeds',
    help: 'Generations that at least one follower here reads.',
    registers,
  }),
  slowFollowers: new Counter({
    name: 'tessera_slow_followers_closed_total',
    help: 'Followers whose connection was closed, since they read too slowly.',
    registers,
  }),
  uploads: new Counter({
    name: 'tessera_uploads_total',
    help: 'Uploaded pictures, by result: stored, or the code of the refusal.',
    labelNames: ['result'],
    registers,
  }),
  uploadBytes: new Counter({
    name: 'tessera_upload_bytes_total',
    help: 'Bytes of uploaded pictures that were stored.',
    registers,
  }),
  accepted: new Counter({
    name: 'tessera_generations_accepted_total',
    help: 'Generations accepted by this process.',
    labelNames: model,
    registers,
  }),
};

/** Of the database, the pictures and other services. */
const ofStorage = {
  appends: new Histogram({
    name: 'tessera_append_duration_seconds',
    help: 'Appends to the event log.',
    buckets: short,
    registers,
  }),
  appendedEvents: new Histogram({
    name: 'tessera_append_events',
    help: 'Events that one append wrote: more than one where they gathered while another append ran.',
    buckets: few,
    registers,
  }),
  storageErrors: new Counter({
    name: 'tessera_storage_errors_total',
    help: 'Calls of the database or of the pictures that failed, by which.',
    labelNames: ['storage'],
    registers,
  }),
  listens: new Counter({
    name: 'tessera_listen_reconnects_total',
    help: 'How often the connection that receives hints was opened again.',
    registers,
  }),
  blobs: new Histogram({
    name: 'tessera_blob_operation_duration_seconds',
    help: 'Reading and writing pictures, by operation.',
    labelNames: ['operation'],
    buckets: short,
    registers,
  }),
  blobBytes: new Counter({
    name: 'tessera_blob_bytes_total',
    help: 'Bytes of pictures read and written.',
    labelNames: ['operation'],
    registers,
  }),
  webhooks: new Histogram({
    name: 'tessera_webhook_duration_seconds',
    help: 'Deliveries of webhooks, by result: delivered, gone or failed.',
    labelNames: ['result'],
    buckets: short,
    registers,
  }),
};

/** Of the work itself: on workers. */
const ofWork = {
  claimed: new Counter({
    name: 'tessera_claims_total',
    help: 'Generations taken up, by whether it was their first attempt.',
    labelNames: ['attempt'],
    registers,
  }),
  lost: new Counter({
    name: 'tessera_claims_lost_total',
    help: 'Claims that another process took over, since the lease had passed.',
    registers,
  }),
  released: new Counter({
    name: 'tessera_claims_released_total',
    help: 'Claims given back to the queue, by reason: handed-over at a stop, or the code of a failure.',
    labelNames: ['reason'],
    registers,
  }),
  reaped: new Counter({
    name: 'tessera_reaped_generations_total',
    help: 'Generations that this process took from dead workers, or ended at their deadline.',
    registers,
  }),
  ended: new Counter({
    name: 'tessera_generations_ended_total',
    help: 'Generations that this process ended, by terminal state and code of the failure: also by cancel, deletion and deadline.',
    labelNames: ['model', 'state', 'code'],
    registers,
  }),
  waits: new Histogram({
    name: 'tessera_wait_seconds',
    help: 'From accepting a generation to its first attempt.',
    labelNames: model,
    buckets: long,
    registers,
  }),
  firstSteps: new Histogram({
    name: 'tessera_first_step_seconds',
    help: 'From accepting a generation to its first step.',
    labelNames: model,
    buckets: long,
    registers,
  }),
  steps: new Histogram({
    name: 'tessera_step_seconds',
    help: 'Model time of one step of one generation.',
    labelNames: model,
    buckets: short,
    registers,
  }),
  modelSeconds: new Counter({
    name: 'tessera_model_seconds_total',
    help: 'Time in which the model computed, counted once for each batch.',
    labelNames: model,
    registers,
  }),
  images: new Counter({ name: 'tessera_images_total', help: 'Finished images.', labelNames: model, registers }),
  batchImages: new Histogram({
    name: 'tessera_batch_images',
    help: 'Images in the batch, at each of its steps.',
    labelNames: model,
    buckets: few,
    registers,
  }),
  batchMembers: new Histogram({
    name: 'tessera_batch_members',
    help: 'Generations in the batch, at each of its steps.',
    labelNames: model,
    buckets: few,
    registers,
  }),
  joins: new Counter({
    name: 'tessera_batch_joins_total',
    help: 'Generations that joined a batch that was running.',
    labelNames: model,
    registers,
  }),
  loads: new Histogram({
    name: 'tessera_model_load_seconds',
    help: 'Reading a model into memory and warming it.',
    labelNames: model,
    buckets: long,
    registers,
  }),
};

export const meters = { ...ofRequests, ...ofStorage, ...ofWork };
