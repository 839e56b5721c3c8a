import { TesseraError } from '@tessera/errors';
import {
  workersWith,
  workerStatus,
  type FailureFacts,
  type QueueShare,
  type WorkerFacts,
} from '../telemetry/queue-facts.ts';
import type { ApiBuilder, ApiContext } from './builder.ts';
import { addResult, asData, codeText, messageText, type ErrorRefs } from './errors.ts';

/** Most of a list that one answer has; what is beyond it is in the metrics. */
const MOST_SHARES = 100;
const MOST_WORKERS = 50;
const MOST_FAILURES = 50;

type WorkerModelFacts = WorkerFacts['models'][number];

interface ShownShare extends QueueShare {
  readonly workers: number;
}

interface Service {
  readonly queue: readonly ShownShare[];
  readonly workers: readonly WorkerFacts[];
  readonly failures: readonly FailureFacts[];
}

/** The query of operators: how the whole service is. */
export function addAdmin(builder: ApiBuilder, errors: ErrorRefs): void {
  const service = addService(builder);
  const result = addResult(builder, 'Service', { of: service, errors: [errors.RequestError, errors.Unavailable] });
  builder.queryField('service', (t) =>
    t.field({
      type: result,
      description:
        'How the whole service is, of all tenants: for operators. Where keys are needed, for those of an admin.',
      resolve: (_root, _args, context) => asData(() => look(context)),
    }),
  );
}

async function look({ caller, overview }: ApiContext): Promise<Service> {
  if (!caller.admin) throw adminNeeded();
  const [{ queue, workers }, failures] = await Promise.all([overview.queue(), overview.failures()]);
  const shares = [...queue].sort((a, b) => b.waiting + b.running - a.waiting - a.running);
  const shown = shares.slice(0, MOST_SHARES).map((one) => ({ ...one, workers: workersWith(one.model, workers) }));
  return { queue: shown, workers: workers.slice(0, MOST_WORKERS), failures };
}

function adminNeeded(): TesseraError {
  return new TesseraError({
    code: 'admin-needed',
    who: 'api',
    got: 'a key of one tenant',
    expected: 'the key of an admin',
    next: 'Make one with tessera keys create --admin.',
  });
}

function addService(builder: ApiBuilder) {
  const share = addShare(builder);
  const worker = addWorker(builder);
  const failure = addFailure(builder);
  return builder.objectRef<Service>('Service').implement({
    description: 'The queue, the workers and what has failed.',
    fields: (t) => ({
      queue: t.field({
        type: [share],
        complexity: { multiplier: MOST_SHARES },
        description: `What waits and runs, by model and tenant, the most first: ${MOST_SHARES} of them at most.`,
        resolve: (one) => [...one.queue],
      }),
      workers: t.field({
        type: [worker],
        complexity: { multiplier: MOST_WORKERS },
        description: `Every worker that was seen lately, by name: ${MOST_WORKERS} of them at most.`,
        resolve: (one) => [...one.workers],
      }),
      failures: t.field({
        type: [failure],
        complexity: { multiplier: MOST_FAILURES },
        description: 'Generations that failed within the last hour, by code, the most frequent first.',
        resolve: (one) => [...one.failures],
      }),
    }),
  });
}

function addShare(builder: ApiBuilder) {
  return builder.objectRef<ShownShare>('QueueShare').implement({
    description: 'What one tenant has in the queue for one model.',
    fields: (t) => ({
      model: t.exposeString('model', { description: 'Name of the model.' }),
      tenant: t.exposeString('tenant', { description: 'Empty where keys are off.' }),
      waiting: t.exposeInt('waiting', { description: 'Generations that wait.' }),
      running: t.exposeInt('running', { description: 'Generations that run.' }),
      workers: t.exposeInt('workers', {
        description: 'Ready workers that have the model: at 0 what waits stays until one comes.',
      }),
      oldestSeconds: t.exposeFloat('oldest', {
        nullable: true,
        description: 'How long the oldest that waits has waited; null where none waits.',
      }),
    }),
  });
}

function addWorker(builder: ApiBuilder) {
  const model = builder.objectRef<WorkerModelFacts>('WorkerModel').implement({
    description: 'A model that a worker has.',
    fields: (t) => ({
      name: t.exposeString('name', { description: 'Name of the model.' }),
      loaded: t.exposeBoolean('loaded', { description: 'It is in memory.' }),
      running: t.exposeInt('running', { description: 'Generations of it that run on this worker.' }),
      millisecondsPerImage: t.exposeFloat('millisecondsPerImage', {
        nullable: true,
        description: 'Moving average of the time that an image takes here; null before the first.',
      }),
    }),
  });
  const status = builder.enumType('WorkerStatus', {
    description: 'Whether a worker takes up generations.',
    values: {
      READY: { value: 'ready', description: 'It does.' },
      DRAINING: { value: 'draining', description: 'It is stopping, and hands over what it runs.' },
      LOST: { value: 'lost', description: 'It was not heard of for six seconds: others take over what it ran.' },
      UNWELL: { value: 'unwell', description: 'Its process of models is not there, or hangs: see `why`.' },
    } as const,
  });
  return builder.objectRef<WorkerFacts>('Worker').implement({
    description: 'A process that runs models.',
    fields: (t) => ({
      name: t.exposeString('name', { description: 'Host name and process id.' }),
      status: t.field({ type: status, description: 'Whether it takes up generations.', resolve: workerStatus }),
      why: t.string({
        nullable: true,
        description: 'What is wrong with it; null where nothing is.',
        resolve: ({ health }) => health.why,
      }),
      target: t.exposeString('target', { description: 'Where its models run: onnx, tensorflow, eager.' }),
      memoryBytes: t.expose('memoryBytes', {
        type: 'SafeInt',
        nullable: true,
        description: 'Memory that its process of models takes; null where it is not there, or does not say it.',
      }),
      ageSeconds: t.exposeFloat('age', { description: 'How long ago it started.' }),
      silentSeconds: t.exposeFloat('silent', {
        description: 'How long ago it was last heard of.',
      }),
      models: t.field({
        type: [model],
        complexity: (_args, { models }) => ({ multiplier: models.models().length }),
        description: 'The models that it has.',
        resolve: ({ models }) => [...models],
      }),
    }),
  });
}

function addFailure(builder: ApiBuilder) {
  return builder.objectRef<FailureFacts>('RecentFailure').implement({
    description: 'Generations that failed with one code within the last hour.',
    fields: (t) => ({
      code: t.exposeString('code', { description: codeText }),
      count: t.exposeInt('count', { description: 'How many.' }),
      newestAt: t.expose('at', { type: 'DateTime', description: 'When the newest of them failed.' }),
      model: t.exposeString('model', { description: 'Name of the model of the newest.' }),
      message: t.exposeString('message', { description: `Of the newest. ${messageText}` }),
    }),
  });
}
