import type { TokenDetails } from '@tessera/store';
import { MOST_IMAGES } from '../generations/read-input.ts';
import { mostDetailed } from '../generations/token-details.ts';
import type { FollowedEvent } from '../streams/followed-event.ts';
import type { ApiBuilder, ApiContext } from './builder.ts';
import { codeText, messageText, reasonOf, reasonText, type ErrorCodeRef } from './errors.ts';
import { pictureOf, pictureOrNull, type PictureRef } from './images.ts';

type EventOf<K extends FollowedEvent['kind']> = Extract<FollowedEvent, { kind: K }>;

const typeNames: Record<FollowedEvent['kind'], string> = {
  queued: 'QueuedEvent',
  waiting: 'WaitingEvent',
  loading: 'LoadingEvent',
  started: 'StartedEvent',
  restarted: 'RestartedEvent',
  step: 'StepEvent',
  completed: 'CompletedEvent',
  failed: 'FailedEvent',
  canceled: 'CanceledEvent',
};

/** Steps of one generation: VAR has ten, MAR up to 64 as it is mostly used. */
const USUAL_STEPS = 64;

const kinds = Object.keys(typeNames) as FollowedEvent['kind'][];

interface EventTypes {
  readonly reason: ErrorCodeRef;
  readonly picture: PictureRef;
}

/** What happens to a generation, and the subscription to it. */
export function addEvents(builder: ApiBuilder, types: EventTypes): EventRef {
  const event = addInterface(builder);
  const interfaces = [event];
  addWaiting(builder, interfaces);
  addBeginning(builder, interfaces);
  addStep(builder, interfaces, types.picture);
  addCompleted(builder, interfaces, types.picture);
  addOtherEnds(builder, interfaces, types.reason);
  addSubscription(builder, event);
  return event;
}

function addInterface(builder: ApiBuilder) {
  const kind = builder.enumType('EventKind', {
    description: 'Which event it is, as its type says too.',
    values: Object.fromEntries(
      kinds.map((value) => [value.toUpperCase(), { value, description: `A ${typeNames[value]}.` }]),
    ) as Record<string, { value: FollowedEvent['kind']; description: string }>,
  });
  return builder.interfaceRef<FollowedEvent>('GenerationEvent').implement({
    description:
      'In order: queued, loading where the model must be read, started, every step of the order, then exactly one of completed, failed and canceled. restarted may come wherever a worker has ended.',
    resolveType: ({ kind }) => typeNames[kind],
    fields: (t) => ({
      seq: t.exposeInt('seq', { description: 'Counts from 1 without gaps, per generation.' }),
      kind: t.expose('kind', { type: kind, description: 'Which event it is.' }),
      at: t.expose('at', { type: 'DateTime', description: 'When it was stored.' }),
    }),
  });
}

export type EventRef = ReturnType<typeof addInterface>;

function addWaiting(builder: ApiBuilder, interfaces: EventRef[]): void {
  const position = 'Generations that will begin before this one.';
  builder.objectRef<EventOf<'queued'>>(typeNames.queued).implement({
    description: 'It was accepted and stored; always the first event.',
    interfaces,
    fields: (t) => ({ position: t.exposeInt('position', { description: position }) }),
  });
  builder.objectRef<EventOf<'waiting'>>(typeNames.waiting).implement({
    description:
      'Where it stands in the queue now. Sent to those who follow it while it waits, and not kept: its seq is that of the event before.',
    interfaces,
    fields: (t) => ({
      position: t.exposeInt('position', { description: position }),
      workers: t.exposeInt('workers', {
        description: 'Ready workers that have its model: at 0 it waits until one comes, for as long as it is let.',
      }),
      millisecondsToStart: t.float({
        nullable: true,
        description: 'Estimated time until it begins; null where nothing is known yet, or no worker has its model.',
        resolve: ({ milliseconds }) => milliseconds,
      }),
    }),
  });
}

function addBeginning(builder: ApiBuilder, interfaces: EventRef[]): void {
  builder.objectRef<EventOf<'loading'>>(typeNames.loading).implement({
    description: 'Its model is being read into memory; only where it was not there.',
    interfaces,
    fields: (t) => ({ modelName: t.string({ description: 'Name of the model.', resolve: ({ model }) => model }) }),
  });
  builder.objectRef<EventOf<'started'>>(typeNames.started).implement({
    description: 'The model has begun with it.',
    interfaces,
  });
  builder.objectRef<EventOf<'restarted'>>(typeNames.restarted).implement({
    description: 'A worker goes on with it where another has ended: what was drawn stays.',
    interfaces,
    fields: (t) => ({
      attempt: t.exposeInt('attempt', { description: 'How often a worker has begun with it, this time included.' }),
      fromStep: t.exposeInt('fromStep', { description: 'Index of the step that comes next.' }),
    }),
  });
}

function addOtherEnds(builder: ApiBuilder, interfaces: EventRef[], reason: ErrorCodeRef): void {
  builder.objectRef<EventOf<'failed'>>(typeNames.failed).implement({
    description: 'It ended without images; a last event.',
    interfaces,
    fields: (t) => ({
      code: t.exposeString('code', { description: codeText }),
      reason: t.field({ type: reason, nullable: true, description: reasonText, resolve: reasonOf }),
      message: t.exposeString('message', { description: messageText }),
    }),
  });
  builder.objectRef<EventOf<'canceled'>>(typeNames.canceled).implement({
    description:
      'It was ended before its images were there: by a cancel, by Cancel-After, or because the client that waited for it left; a last event.',
    interfaces,
  });
}

function addStep(builder: ApiBuilder, interfaces: EventRef[], picture: PictureRef): void {
  const details = addDetails(builder);
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
        complexity: mostTokens,
        resolve: ({ positions }) => positions.map((one) => [...one]),
      }),
      given: t.field({
        type: ['Int'],
        nullable: true,
        description:
          'At the first step of an edit: the positions, of all steps, whose tokens are those of the given picture and stay, whatever a step draws there. Null at other steps, and where nothing is edited.',
        complexity: mostTokens,
        resolve: ({ given }) => (given ? [...given] : null),
      }),
      previews: t.field({
        type: [picture],
        nullable: { list: true, items: true },
        description:
          'One per image, null for images of another batch. Null where no preview was asked for, and where a client reads so slowly that a newer step has them already: asked for again with `after`, they are there.',
        complexity: { multiplier: MOST_IMAGES },
        resolve: ({ previews }) => previews && previews.map(pictureOrNull),
      }),
      sprite: t.field({
        type: picture,
        nullable: true,
        description:
          'All previews in one picture, row by row; null where there is one or none, and where previews is null.',
        resolve: ({ sprite }) => pictureOrNull(sprite),
      }),
      details: t.expose('details', {
        type: details,
        nullable: true,
        description: 'What is known of each token; null where the request did not ask for it.',
      }),
      milliseconds: t.exposeFloat('milliseconds', { description: 'Time of the model only.' }),
    }),
  });
}

/** As many as one image has, of the model that has most. */
function mostTokens(_args: object, { models }: ApiContext): number {
  return Math.max(0, ...models.models().map(({ tokens }) => tokens));
}

/** A request for details has no more tokens: see token-details.ts. */
function mostDetails(_args: object, { models }: ApiContext): number {
  return mostDetailed(models.models());
}

function addDetails(builder: ApiBuilder) {
  const lists = 'A list per image, in the order of positions; null where ';
  return builder.objectRef<TokenDetails>('TokenDetails').implement({
    description: 'How the tokens of a step were drawn.',
    fields: (t) => ({
      codes: t.field({
        type: [t.listRef('Int')],
        nullable: true,
        description: `Indices in the codebook. ${lists}tokens are continuous.`,
        complexity: mostDetails,
        resolve: ({ codes }) => codes?.map((one) => [...one]) ?? null,
      }),
      logProbabilities: t.field({
        type: [t.listRef('Float')],
        nullable: true,
        description: `Natural logarithms of the probabilities of the drawn tokens. ${lists}the head does not know them.`,
        complexity: mostDetails,
        resolve: ({ logProbabilities }) => logProbabilities?.map((one) => [...one]) ?? null,
      }),
      entropies: t.field({
        type: [t.listRef('Float')],
        nullable: true,
        description: `Entropies, in nats, of the distributions that they were drawn from. ${lists}the head does not know them.`,
        complexity: mostDetails,
        resolve: ({ entropies }) => entropies?.map((one) => [...one]) ?? null,
      }),
      topCodes: t.field({
        type: 'NumberLists',
        nullable: true,
        description:
          'The five likeliest codes of each token, likeliest first, or all that could be drawn where those are fewer. Null where the head does not know them, and of generations made before servers told them.',
        complexity: mostDetails,
        resolve: ({ topCodes }) => topCodes ?? null,
      }),
      topProbabilities: t.field({
        type: 'NumberLists',
        nullable: true,
        description: 'The probability of each of topCodes.',
        complexity: mostDetails,
        resolve: ({ topProbabilities }) => topProbabilities ?? null,
      }),
    }),
  });
}

function addCompleted(builder: ApiBuilder, interfaces: EventRef[], picture: PictureRef): void {
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
        resolve: ({ images }) => images.map(pictureOf),
      }),
      timings: t.expose('timings', { type: timings, description: 'How long the model took.' }),
    }),
  });
}

function addSubscription(builder: ApiBuilder, event: EventRef): void {
  builder.subscriptionType({
    description: 'Everything that can be followed; over WebSocket or Server-Sent Events.',
    fields: (t) => ({
      generationEvents: t.field({
        type: event,
        description:
          'Every event after the seq `after` (0 is all), then live ones, each once and in order. Come back with the last seq, to any replica, and nothing is missed. A slow client gets every event, but previews only with the newest step.',
        args: {
          id: t.arg.id({ required: true, description: 'What createGeneration returned.' }),
          after: t.arg.int({ defaultValue: 0, required: true, description: 'The last seq that was seen; 0 is none.' }),
        },
        subscribe: (_root, { id, after }, { owner, streams, resumeAfter }) =>
          streams.events(owner, String(id), resumeAfter ?? after),
        resolve: (one: FollowedEvent) => one,
      }),
    }),
  });
}
