import { TesseraError } from '@tessera/errors';
import { requestTexts, type GenerationRequest } from '@tessera/request';
import type { Generation } from '../generations/event-log.ts';
import { MOST_IMAGES, type ConditionInput, type ImageInput } from '../generations/read-input.ts';
import type { ApiBuilder, ApiSchemaTypes } from './builder.ts';
import { codeText, messageText, reasonOf, reasonText, type ErrorCodeRef } from './errors.ts';
import { addEdit, addEditInput, addImage, imagesOf, type PictureRef } from './images.ts';
import type { PreviewKindRef } from './models.ts';

/** Most generations that one query lists. */
const MOST_LISTED = 100;
/** More than the options of any model hold. */
const OPTION_VALUES = 16;

const idText = 'What createGeneration returned.';

interface SharedTypes {
  readonly preview: PreviewKindRef;
  readonly reason: ErrorCodeRef;
  readonly picture: PictureRef;
}

/** Generations: queries and mutations. */
export function addGenerations(builder: ApiBuilder, types: SharedTypes): void {
  const generation = addGenerationType(builder, types);
  builder.queryFields((t) => ({
    generation: t.field({
      type: generation,
      errors: {},
      description: 'One generation.',
      args: { id: t.arg.id({ required: true, description: idText }) },
      resolve: (_root, { id }, { generations }) => generations.find(String(id)),
    }),
    generations: t.field({
      type: [generation],
      // Null leaves the other fields of a query their data.
      nullable: true,
      description: 'The newest first; null, with an error, where count is out of its range.',
      args: {
        count: t.arg.int({
          required: true,
          defaultValue: 20,
          description: `How many at most: from 0 to ${MOST_LISTED}.`,
        }),
      },
      complexity: ({ count }) => ({ multiplier: Math.min(Math.max(count, 0), MOST_LISTED) }),
      resolve: (_root, { count }, { generations }) => generations.newest(listed(count)),
    }),
  }));
  const input = addInput(builder, types.preview);
  builder.mutationFields((t) => ({
    createGeneration: t.field({
      type: generation,
      errors: {},
      description: 'Queues a generation. It is stored before this returns, and runs whether or not anyone listens.',
      args: { input: t.arg({ type: input, required: true, description: 'What to make.' }) },
      resolve: (_root, args, { generations }) => generations.create(args.input),
    }),
    cancelGeneration: t.field({
      type: generation,
      errors: {},
      description: 'Ends a generation within one step; the event canceled says when. Ended ones stay as they are.',
      args: { id: t.arg.id({ required: true, description: idText }) },
      resolve: (_root, { id }, { generations }) => generations.cancel(String(id)),
    }),
  }));
}

function listed(count: number): number {
  if (count >= 0 && count <= MOST_LISTED) return count;
  throw new TesseraError({
    code: 'count-out-of-range',
    who: 'generations',
    got: `count ${count}`,
    expected: `a number from 0 to ${MOST_LISTED}`,
    next: 'Correct count, or leave it out for 20.',
  });
}

function addGenerationType(builder: ApiBuilder, types: SharedTypes) {
  const state = builder.enumType('GenerationState', {
    description: 'How far a generation is; the last three are for ever.',
    values: {
      QUEUED: { value: 'queued', description: 'It waits for those before it.' },
      RUNNING: { value: 'running', description: 'The model works on it.' },
      COMPLETED: { value: 'completed', description: 'All of its images are there.' },
      FAILED: { value: 'failed', description: 'It ended without images; failure says why.' },
      CANCELED: { value: 'canceled', description: 'It was ended by cancelGeneration.' },
    } as const,
  });
  const failure = builder.objectRef<NonNullable<Generation['failure']>>('GenerationFailure').implement({
    description: 'Why a generation failed.',
    fields: (t) => ({
      code: t.exposeString('code', { description: codeText }),
      reason: t.field({ type: types.reason, nullable: true, description: reasonText, resolve: reasonOf }),
      message: t.exposeString('message', { description: messageText }),
    }),
  });
  const requested = requestFields(builder, types);
  return builder.objectRef<Generation>('Generation').implement({
    description: 'Images that were asked for in one request, from the queue to the end.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'A UUID.' }),
      ...requested(t),
      state: t.expose('state', { type: state, description: 'How far it is.' }),
      lastSeq: t.exposeInt('lastSeq', { description: 'seq of the newest event.' }),
      failure: t.expose('failure', { type: failure, nullable: true, description: 'Null where it has not failed.' }),
      createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was accepted.' }),
      finishedAt: t.expose('finishedAt', { type: 'DateTime', nullable: true, description: 'Null until it has ended.' }),
    }),
  });
}

type GenerationFields = PothosSchemaTypes.ObjectFieldBuilder<
  PothosSchemaTypes.ExtendDefaultTypes<ApiSchemaTypes>,
  Generation
>;

/** The request of a generation, every field of it: one that is missing here does not compile. */
function requestFields(builder: ApiBuilder, { preview, picture }: SharedTypes) {
  const image = addImage(builder, picture);
  const edit = addEdit(builder, picture);
  return (t: GenerationFields) =>
    ({
      model: t.string({ description: requestTexts.model, resolve: ({ request }) => request.model }),
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
      details: t.boolean({ description: requestTexts.details, resolve: ({ request }) => request.details ?? false }),
      edit: t.field({
        type: edit,
        nullable: true,
        description: 'Null where no picture is edited.',
        resolve: ({ request }) => request.edit ?? null,
      }),
    }) satisfies Record<keyof GenerationRequest, unknown>;
}

/** Every field of a request: one that is missing here does not compile. */
function addInput(builder: ApiBuilder, preview: PreviewKindRef) {
  const image = addImageInput(builder);
  const edit = addEditInput(builder);
  return builder.inputType('CreateGenerationInput', {
    description:
      "What is left out takes the model's own default: one image, the class of each in turn, the seed 0. " +
      'Refused with queue-full while too many generations wait.',
    fields: (t) =>
      ({
        model: t.string({ required: true, description: requestTexts.model }),
        images: t.field({ type: [image], description: `1 to ${MOST_IMAGES} in all; one where left out.` }),
        seed: t.field({ type: 'SafeInt', description: `${requestTexts.seed} 0 where left out.` }),
        guidance: t.float({ description: requestTexts.guidance }),
        options: t.field({ type: 'JSONObject', description: requestTexts.options }),
        preview: t.field({ type: preview, description: `${requestTexts.preview} The model's own way where left out.` }),
        details: t.boolean({ description: `${requestTexts.details} False where left out.` }),
        edit: t.field({ type: edit, description: `${requestTexts.edit} They show no class where none is said.` }),
      }) satisfies Record<keyof GenerationRequest, unknown>,
  });
}

function addImageInput(builder: ApiBuilder) {
  const condition = builder.inputType('ConditionInput', {
    isOneOf: true,
    description: 'What an image is to show, said in one of these ways.',
    fields: (t) =>
      ({
        label: t.int({ description: 'A class by its number; -1 is no class.' }),
        class: t.string({
          description:
            'A class by a word, as on the command line: a name, a number, number:3 or name:3 where both fit, none.',
        }),
      }) satisfies Record<keyof ConditionInput, unknown>,
  });
  return builder.inputType('ImageInput', {
    description: 'Some images that are to show the same.',
    fields: (t) =>
      ({
        condition: t.field({
          type: condition,
          description:
            'Each class in turn where left out, by the place among all images; none where a picture is edited.',
        }),
        count: t.int({ description: `How many, 1 to ${MOST_IMAGES}; 1 where left out.` }),
      }) satisfies Record<keyof ImageInput, unknown>,
  });
}
