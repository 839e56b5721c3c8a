import { GraphQLError } from 'graphql';
import { isTesseraError } from '@tessera/errors';
import type { GenerationEvent } from '../generations/records.ts';
import type { ApiBuilder } from './builder.ts';
import { imageUrl } from './image-url.ts';

type EventOf<K extends GenerationEvent['kind']> = Extract<GenerationEvent, { kind: K }>;

const typeNames: Record<GenerationEvent['kind'], string> = {
  queued: 'QueuedEvent',
  started: 'StartedEvent',
  step: 'StepEvent',
  completed: 'CompletedEvent',
  failed: 'FailedEvent',
  canceled: 'CanceledEvent',
};

const kinds = Object.keys(typeNames) as GenerationEvent['kind'][];

/** What happens to a generation, and the subscription to it. */
export function addEvents(builder: ApiBuilder): void {
  const event = addInterface(builder);
  const interfaces = [event];
  builder.objectRef<EventOf<'queued'>>(typeNames.queued).implement({
    interfaces,
    fields: (t) => ({ position: t.exposeInt('position', { description: 'Generations ahead of this one.' }) }),
  });
  builder.objectRef<EventOf<'started'>>(typeNames.started).implement({ interfaces });
  builder.objectRef<EventOf<'canceled'>>(typeNames.canceled).implement({ interfaces });
  builder.objectRef<EventOf<'failed'>>(typeNames.failed).implement({
    interfaces,
    fields: (t) => ({ code: t.exposeString('code'), message: t.exposeString('message') }),
  });
  addStep(builder, interfaces);
  addCompleted(builder, interfaces);
  addSubscription(builder, event);
}

function addInterface(builder: ApiBuilder) {
  const kind = builder.enumType('EventKind', {
    values: Object.fromEntries(kinds.map((value) => [value.toUpperCase(), { value }])) as Record<
      string,
      { value: GenerationEvent['kind'] }
    >,
  });
  return builder.interfaceRef<GenerationEvent>('GenerationEvent').implement({
    description:
      'In order: queued, started, every step of the order, then exactly one of completed, failed and canceled.',
    resolveType: ({ kind }) => typeNames[kind],
    fields: (t) => ({
      seq: t.exposeInt('seq', { description: 'Counts from 1 without gaps, per generation.' }),
      kind: t.expose('kind', { type: kind }),
      at: t.expose('at', { type: 'DateTime' }),
    }),
  });
}

type EventInterface = ReturnType<typeof addInterface>;

function addStep(builder: ApiBuilder, interfaces: EventInterface[]): void {
  builder.objectRef<EventOf<'step'>>(typeNames.step).implement({
    description: 'One step of the order: the tokens that came in it, and how the images look now.',
    interfaces,
    fields: (t) => ({
      index: t.exposeInt('index', { description: 'From 0.' }),
      of: t.exposeInt('of', { description: 'Number of steps.' }),
      positions: t.field({
        type: [t.listRef('Int')],
        description: 'Token positions written now: a list per image, or a single list that holds for all images.',
        resolve: ({ positions }) => positions.map((one) => [...one]),
      }),
      previews: t.stringList({
        nullable: true,
        description: 'URL of a PNG per image; null where no preview was asked for.',
        resolve: ({ previews }) => previews && previews.map(imageUrl),
      }),
      milliseconds: t.exposeFloat('milliseconds', { description: 'Time of the model alone.' }),
    }),
  });
}

function addCompleted(builder: ApiBuilder, interfaces: EventInterface[]): void {
  const timings = builder.objectRef<EventOf<'completed'>['timings']>('Timings').implement({
    description: 'Milliseconds of the model alone: neither waiting nor PNG encoding counts.',
    fields: (t) => ({
      steps: t.floatList({ resolve: ({ steps }) => [...steps] }),
      images: t.floatList({ description: 'Decoding of each image.', resolve: ({ images }) => [...images] }),
      total: t.exposeFloat('total'),
    }),
  });
  builder.objectRef<EventOf<'completed'>>(typeNames.completed).implement({
    interfaces,
    fields: (t) => ({
      images: t.stringList({
        description: 'URL of a PNG per image; what it holds never changes.',
        resolve: ({ images }) => images.map(imageUrl),
      }),
      timings: t.expose('timings', { type: timings }),
    }),
  });
}

function addSubscription(builder: ApiBuilder, event: EventInterface): void {
  builder.subscriptionType({
    fields: (t) => ({
      generationEvents: t.field({
        type: event,
        description:
          'Every event after the seq `after` (0 is all), then live ones. Come back with the last seq and nothing is missed.',
        args: { id: t.arg.id({ required: true }), after: t.arg.int({ defaultValue: 0, required: true }) },
        subscribe: (_root, { id, after }, { generations }) =>
          generations.events(String(id), after).catch(asGraphQLError),
        resolve: (one: GenerationEvent) => one,
      }),
    }),
  });
}

/** A subscription has no place for errors as data before its first event. */
function asGraphQLError(error: unknown): never {
  if (isTesseraError(error)) throw new GraphQLError(error.message, { extensions: { code: error.code } });
  throw error;
}
