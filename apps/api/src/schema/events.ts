import type { GenerationEvent } from '../generations/event-log.ts';
import { MOST_IMAGES } from '../generations/read-input.ts';
import type { ApiBuilder } from './builder.ts';
import { codeText, messageText, reasonOf, reasonText, type ErrorCodeRef } from './errors.ts';
import type { PictureRef } from './images.ts';

type EventOf<K extends GenerationEvent['kind']> = Extract<GenerationEvent, { kind: K }>;

const typeNames: Record<GenerationEvent['kind'], string> = {
  queued: 'QueuedEvent',
  started: 'StartedEvent',
  step: 'StepEvent',
  completed: 'CompletedEvent',
  failed: 'FailedEvent',
  canceled: 'CanceledEvent',
};

/** Steps of one generation: VAR has ten, MAR up to 64 as it is mostly used. */
const USUAL_STEPS = 64;

const kinds = Object.keys(typeNames) as GenerationEvent['kind'][];

/** What happens to a generation, and the subscription to it. */
export function addEvents(
  builder: ApiBuilder,
  { reason, picture }: { readonly reason: ErrorCodeRef; readonly picture: PictureRef },
): void {
  const event = addInterface(builder);
  const interfaces = [event];
  builder.objectRef<EventOf<'queued'>>(typeNames.queued).implement({
    description: 'It was accepted and stored; always the first event.',
    interfaces,
    fields: (t) => ({ position: t.exposeInt('position', { description: 'Generations ahead of this one.' }) }),
  });
  builder.objectRef<EventOf<'started'>>(typeNames.started).implement({
    description: 'The model has begun with it.',
    interfaces,
  });
  builder.objectRef<EventOf<'canceled'>>(typeNames.canceled).implement({
    description: 'It was ended by cancelGeneration; a last event.',
    interfaces,
  });
  builder.objectRef<EventOf<'failed'>>(typeNames.failed).implement({
    description: 'It ended without images; a last event.',
    interfaces,
    fields: (t) => ({
      code: t.exposeString('code', { description: codeText }),
      reason: t.field({ type: reason, nullable: true, description: reasonText, resolve: reasonOf }),
      message: t.exposeString('message', { description: messageText }),
    }),
  });
  addStep(builder, interfaces, picture);
  addCompleted(builder, interfaces, picture);
  addSubscription(builder, event);
}

function addInterface(builder: ApiBuilder) {
  const kind = builder.enumType('EventKind', {
    description: 'Which event it is, as its type says too.',
    values: Object.fromEntries(
      kinds.map((value) => [value.toUpperCase(), { value, description: `A ${typeNames[value]}.` }]),
    ) as Record<string, { value: GenerationEvent['kind']; description: string }>,
  });
  return builder.interfaceRef<GenerationEvent>('GenerationEvent').implement({
    description:
      'In order: queued, started, every step of the order, then exactly one of completed, failed and canceled.',
    resolveType: ({ kind }) => typeNames[kind],
    fields: (t) => ({
      seq: t.exposeInt('seq', { description: 'Counts from 1 without gaps, per generation.' }),
      kind: t.expose('kind', { type: kind, description: 'Which event it is.' }),
      at: t.expose('at', { type: 'DateTime', description: 'When it was stored.' }),
    }),
  });
}

type EventInterface = ReturnType<typeof addInterface>;

function addStep(builder: ApiBuilder, interfaces: EventInterface[], picture: PictureRef): void {
  builder.objectRef<EventOf<'step'>>(typeNames.step).implement({
    description: 'One step of the order: the tokens that came in it, and how the images look now.',
    interfaces,
    fields: (t) => ({
      index: t.exposeInt('index', { description: 'From 0.' }),
      of: t.exposeInt('of', {
        description: 'Number of steps: of all batches, where the images do not fit into memory at once.',
      }),
      positions: t.field({
        type: [t.listRef('Int')],
        description:
          'Token positions written now: a list per image, empty for images of another batch, or a single list that holds for all images.',
        complexity: (_args, { host }) => Math.max(0, ...host.models().map(({ tokens }) => tokens)),
        resolve: ({ positions }) => positions.map((one) => [...one]),
      }),
      previews: t.field({
        type: [picture],
        nullable: { list: true, items: true },
        description: 'One per image, null for images of another batch; null where no preview was asked for.',
        complexity: { multiplier: MOST_IMAGES },
        resolve: ({ previews }) => previews && [...previews],
      }),
      milliseconds: t.exposeFloat('milliseconds', { description: 'Time of the model only.' }),
    }),
  });
}

function addCompleted(builder: ApiBuilder, interfaces: EventInterface[], picture: PictureRef): void {
  const timings = builder.objectRef<EventOf<'completed'>['timings']>('Timings').implement({
    description: 'Milliseconds of the model only: neither waiting nor PNG encoding counts.',
    fields: (t) => ({
      steps: t.floatList({ description: 'Of each step.', complexity: USUAL_STEPS, resolve: ({ steps }) => [...steps] }),
      images: t.floatList({
        description: 'Decoding of each image.',
        complexity: MOST_IMAGES,
        resolve: ({ images }) => [...images],
      }),
      total: t.exposeFloat('total', { description: 'From the first step to the last image.' }),
    }),
  });
  builder.objectRef<EventOf<'completed'>>(typeNames.completed).implement({
    description: 'All images are there; a last event.',
    interfaces,
    fields: (t) => ({
      images: t.field({
        type: [picture],
        description: 'One per image.',
        complexity: { multiplier: MOST_IMAGES },
        resolve: ({ images }) => [...images],
      }),
      timings: t.expose('timings', { type: timings, description: 'How long the model took.' }),
    }),
  });
}

function addSubscription(builder: ApiBuilder, event: EventInterface): void {
  builder.subscriptionType({
    description: 'Everything that can be followed; over WebSocket or Server-Sent Events.',
    fields: (t) => ({
      generationEvents: t.field({
        type: event,
        description:
          'Every event after the seq `after` (0 is all), then live ones. Come back with the last seq and nothing is missed.',
        args: {
          id: t.arg.id({ required: true, description: 'What createGeneration returned.' }),
          after: t.arg.int({ defaultValue: 0, required: true, description: 'The last seq that was seen; 0 is none.' }),
        },
        subscribe: (_root, { id, after }, { generations, resumeAfter }) =>
          generations.events(String(id), resumeAfter ?? after),
        resolve: (one: GenerationEvent) => one,
      }),
    }),
  });
}
