import { isTesseraError, TesseraError } from '@tessera/errors';
import { requestTexts, type GenerationRequest } from '@tessera/request';
import type { Generation, GenerationState } from '@tessera/store';
import { MOST_IMAGES } from '../generations/read-input.ts';
import type { ApiBuilder, ApiContext, ApiSchemaTypes } from './builder.ts';
import { codeText, messageText, reasonOf, reasonText, type ErrorCodeRef } from './errors.ts';
import type { EventRef } from './events.ts';
import { addEdit, addImage, imagesOf, type PictureRef } from './images.ts';
import { USUAL_MAPS, type ModelRef, type PreviewKindRef } from './models.ts';
import type { NodeRef } from './nodes.ts';
import type { PictureSizeRef, TokenMapRef } from './sizes.ts';

/** More than the options of any model hold. */
const OPTION_VALUES = 16;
/** Of one answer. */
const MOST_EVENTS = 100;
const USUAL_EVENTS = 20;

export interface SharedTypes {
  readonly node: NodeRef;
  readonly model: ModelRef;
  readonly preview: PreviewKindRef;
  readonly size: PictureSizeRef;
  readonly map: TokenMapRef;
  readonly reason: ErrorCodeRef;
  readonly picture: PictureRef;
  readonly event: EventRef;
}

const states: Readonly<Record<GenerationState, string>> = {
  queued: 'It waits for those before it, also after its worker has ended.',
  running: 'The model works on it.',
  completed: 'All of its images are there.',
  failed: 'It ended without images; failure says why.',
  canceled:
    'It was ended before its images were there: by a cancel, by Cancel-After, or because the client that waited for it left.',
};

export function addGenerationState(builder: ApiBuilder) {
  return builder.enumType('GenerationState', {
    description: 'How far a generation is; the last three are for ever.',
    values: Object.fromEntries(
      Object.entries(states).map(([value, description]) => [value.toUpperCase(), { value, description }]),
    ) as Record<string, { value: GenerationState; description: string }>,
  });
}

export type GenerationStateRef = ReturnType<typeof addGenerationState>;
export type GenerationRef = ReturnType<typeof addGenerationType>;

export function addGenerationType(builder: ApiBuilder, state: GenerationStateRef, types: SharedTypes) {
  const generation = builder.objectRef<Generation>('Generation');
  const requested = requestFields(builder, types);
  const told = progressFields(builder, types);
  return generation.implement({
    description: 'Images that were asked for in one request, from the queue to the end.',
    interfaces: [types.node],
    fields: (t) => ({
      ...requested(t),
      ...told(t),
      state: t.expose('state', { type: state, description: 'How far it is.' }),
      retryOf: t.field({
        type: generation,
        nullable: true,
        description: 'The generation that this one repeats; null where it is none, or has been deleted.',
        // A statement each.
        complexity: { field: 20, multiplier: 1 },
        resolve: ({ retryOf }, _args, { owner, generations }) =>
          retryOf === null ? null : generations.findIfThere(owner, retryOf),
      }),
    }),
  });
}

type GenerationFields = PothosSchemaTypes.ObjectFieldBuilder<
  PothosSchemaTypes.ExtendDefaultTypes<ApiSchemaTypes>,
  Generation
>;

/** The request of a generation, every field of it: one that is missing here does not compile. */
function requestFields(builder: ApiBuilder, { model, preview, size, map, picture }: SharedTypes) {
  const image = addImage(builder, picture);
  const edit = addEdit(builder, picture);
  return (t: GenerationFields) => ({
    ...({
      model: t.field({
        type: model,
        nullable: true,
        description: 'Null where this server no longer has the model.',
        resolve: ({ request }, _args, { models }) => models.models().find(({ name }) => name === request.model) ?? null,
      }),
      images: t.field({
        type: [image],
        description: 'One for each image that was asked for.',
        complexity: { multiplier: MOST_IMAGES },
        resolve: imagesOf,
      }),
      seed: t.field({ type: 'SafeInt', description: 'Of the first image.', resolve: ({ request }) => request.seed }),
      guidance: t.float({
        nullable: true,
        description: "Null where the model's default holds.",
        resolve: ({ request }) => request.guidance ?? null,
      }),
      options: t.field({
        type: 'JSONObject',
        description: "As requested: what is not in it has the model's default.",
        complexity: OPTION_VALUES,
        resolve: ({ request }) => request.options ?? {},
      }),
      preview: t.field({
        type: preview,
        nullable: true,
        description: "Null where the model's default holds.",
        resolve: ({ request }) => request.preview ?? null,
      }),
      size: t.field({
        type: size,
        nullable: true,
        description: "Null where the model's own size holds.",
        resolve: ({ request }) => request.size ?? null,
      }),
      details: t.boolean({ description: requestTexts.details, resolve: ({ request }) => request.details ?? false }),
      edit: t.field({
        type: edit,
        nullable: true,
        description: 'Null where no picture is edited.',
        resolve: ({ request }) => request.edit ?? null,
      }),
    } satisfies Record<keyof GenerationRequest, unknown>),
    layout: t.field({
      type: [map],
      nullable: true,
      description:
        'Where the tokens of its images lie, coarse to fine. Null where this server no longer has the model, or one that makes this size.',
      complexity: { multiplier: USUAL_MAPS },
      resolve: ({ request }, _args, { models }) => layoutOf(request, models),
    }),
    modelName: t.string({ description: requestTexts.model, resolve: ({ request }) => request.model }),
    priority: t.exposeInt('priority', { description: 'Higher ones begin sooner; 0 is usual.' }),
    deadline: t.expose('deadline', {
      type: 'DateTime',
      nullable: true,
      description: 'It fails if it has not begun by then; null where it may wait for ever.',
    }),
  });
}

function layoutOf(request: Generation['request'], models: ApiContext['models']) {
  try {
    return [...models.layout(request).scales];
  } catch (error) {
    if (isTesseraError(error)) return null;
    throw error;
  }
}

/** What has become of it. */
function progressFields(builder: ApiBuilder, { reason, event }: SharedTypes) {
  const failure = builder.objectRef<NonNullable<Generation['failure']>>('GenerationFailure').implement({
    description: 'Why a generation failed.',
    fields: (t) => ({
      code: t.exposeString('code', { description: codeText }),
      reason: t.field({ type: reason, nullable: true, description: reasonText, resolve: reasonOf }),
      message: t.exposeString('message', { description: messageText }),
    }),
  });
  return (t: GenerationFields) => ({
    lastSeq: t.exposeInt('lastSeq', { description: 'seq of the newest event.' }),
    attempt: t.exposeInt('attempt', {
      description: 'How often a worker has begun with it: more than 1 where one has ended before its end.',
    }),
    failure: t.expose('failure', { type: failure, nullable: true, description: 'Null where it has not failed.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was accepted.' }),
    startedAt: t.expose('startedAt', { type: 'DateTime', nullable: true, description: 'Null until it has begun.' }),
    finishedAt: t.expose('finishedAt', { type: 'DateTime', nullable: true, description: 'Null until it has ended.' }),
    position: t.int({
      nullable: true,
      description: 'How many generations will begin before it; null where it does not wait.',
      resolve: async (one, _args, context) => (await placeOf(one, context))?.position ?? null,
    }),
    workers: t.int({
      nullable: true,
      description:
        'Ready workers that have its model: at 0 it waits until one comes, for as long as it is let. Null where it does not wait.',
      resolve: async (one, _args, context) => (await placeOf(one, context))?.workers ?? null,
    }),
    millisecondsToStart: t.float({
      nullable: true,
      description:
        'Estimated time until it begins; null where it does not wait, nothing is known yet, or no worker has its model.',
      resolve: async (one, _args, context) => (await placeOf(one, context))?.milliseconds ?? null,
    }),
    events: t.field({
      type: [event],
      // Null leaves the other fields of a query their data.
      nullable: true,
      description: 'What has happened so far; the subscription generationEvents goes on from there.',
      args: {
        after: t.arg.int({ defaultValue: 0, required: true, description: 'The last seq that was seen; 0 is none.' }),
        first: t.arg.int({
          defaultValue: USUAL_EVENTS,
          required: true,
          description: `How many events at most, 1 to ${MOST_EVENTS}.`,
        }),
      },
      complexity: ({ first }) => ({ multiplier: Math.min(Math.max(first, 1), MOST_EVENTS) }),
      resolve: (one, { after, first }, { generations }) => listEvents(one, { after, first }, generations),
    }),
  });
}

/** Asked for by as many as a list has; the service reads the queue once for all of them. */
async function placeOf({ id, state }: Generation, { generations }: ApiContext) {
  return state === 'queued' ? (await generations.places()).get(id) : undefined;
}

async function listEvents(
  { id }: Generation,
  { after, first }: { readonly after: number; readonly first: number },
  generations: ApiContext['generations'],
) {
  if (first < 1 || first > MOST_EVENTS) throw countOutOfRange(first);
  return [...(await generations.eventsAfter(id, after, first))];
}

function countOutOfRange(first: number): TesseraError {
  return new TesseraError({
    code: 'count-out-of-range',
    who: 'Generation.events',
    got: `first: ${first}`,
    expected: `a number from 1 to ${MOST_EVENTS}`,
    next: `Correct first, or leave it out for ${USUAL_EVENTS}.`,
  });
}
