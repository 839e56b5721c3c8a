import { TesseraError } from '@tessera/errors';
import { MOST_IMAGES } from '../generations/check-input.ts';
import type { Generation } from '../generations/records.ts';
import type { ApiBuilder } from './builder.ts';
import { addEditInput, addEditType } from './edit-types.ts';
import { codeText, messageText, reasonOf, reasonText, type ErrorCodeRef } from './error-codes.ts';
import { imageUrl } from './image-url.ts';
import type { PreviewKindRef } from './preview-kind.ts';

/** Most generations that one query lists. */
const MOST_LISTED = 100;
/** More than the options of any model hold. */
const OPTION_VALUES = 16;

const idText = 'What createGeneration returned.';

interface Enums {
  readonly preview: PreviewKindRef;
  readonly reason: ErrorCodeRef;
}

/** Generations: queries and mutations. */
export function addGenerations(builder: ApiBuilder, enums: Enums): void {
  const generation = addGenerationType(builder, enums);
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
  const input = addInput(builder, enums.preview);
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

function addGenerationType(builder: ApiBuilder, { preview, reason }: Enums) {
  const edit = addEditType(builder);
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
      reason: t.field({ type: reason, nullable: true, description: reasonText, resolve: reasonOf }),
      message: t.exposeString('message', { description: messageText }),
    }),
  });
  return builder.objectRef<Generation>('Generation').implement({
    description: 'Images that were asked for in one request, from the queue to the end.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'A UUID.' }),
      model: t.string({ description: 'Name of the model.', resolve: ({ request }) => request.model }),
      labels: t.intList({
        description: 'The class of each image; -1 is no class.',
        complexity: MOST_IMAGES,
        resolve: ({ request }) => [...request.labels],
      }),
      seed: t.field({
        type: 'SafeInt',
        description: 'Of the first image; image i has seed + i.',
        resolve: ({ request }) => request.seed,
      }),
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
      edit: t.field({
        type: edit,
        nullable: true,
        description: 'Null where no picture is edited.',
        resolve: ({ request }) => request.edit ?? null,
      }),
      state: t.expose('state', { type: state, description: 'How far it is.' }),
      lastSeq: t.exposeInt('lastSeq', { description: 'seq of the newest event.' }),
      images: t.stringList({
        description: 'URLs of the finished images; empty until completed.',
        complexity: MOST_IMAGES,
        resolve: ({ images }) => images.map(imageUrl),
      }),
      failure: t.expose('failure', { type: failure, nullable: true, description: 'Null where it has not failed.' }),
      createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was accepted.' }),
      finishedAt: t.expose('finishedAt', { type: 'DateTime', nullable: true, description: 'Null until it has ended.' }),
    }),
  });
}

function addInput(builder: ApiBuilder, preview: PreviewKindRef) {
  const edit = addEditInput(builder);
  return builder.inputType('CreateGenerationInput', {
    description:
      "What is left out takes the model's own default: the label each class in turn, the count 1, the seed 0. " +
      'Refused with queue-full while too many generations wait.',
    fields: (t) => ({
      model: t.string({ required: true, description: 'Name of a model.' }),
      labels: t.intList({
        description: 'A class per image, 1 to 64 of them; -1 is no class. Instead of label and count.',
      }),
      classes: t.stringList({
        description:
          'Instead of labels, words as the command line takes them: a name, a number, number:3 or name:3 where both fit, none.',
      }),
      label: t.int({ description: 'The class of every image; each class in turn where left out.' }),
      class: t.string({ description: 'Instead of label, a word as in classes.' }),
      count: t.int({ description: 'Number of images, 1 to 64; 1 where left out.' }),
      seed: t.field({
        type: 'SafeInt',
        description: 'Image i has seed + i and can be made again alone. 0 where left out.',
      }),
      guidance: t.float({ description: 'How strongly the class pulls, 0 to 100; see Model.guidanceOff.' }),
      options: t.field({ type: 'JSONObject', description: 'What else the model lets one choose: see Model.options.' }),
      preview: t.field({ type: preview, description: "How each step is shown; the model's own way where left out." }),
      edit: t.field({
        type: edit,
        description: 'A picture of which a part is redrawn, in every image; its label is -1 where left out.',
      }),
    }),
  });
}
