import { requestTexts, type GenerationRequest, type PictureSize } from '@tessera/request';
import {
  MOST_IMAGES,
  type ConditionInput,
  type EditInput,
  type EditRegionInput,
  type GenerationInput,
  type ImageInput,
} from '../generations/read-input.ts';
import { LONGEST_KEY, MOST_PRIORITY } from '../generations/read-wishes.ts';
import type { WebhookWish } from '../webhooks/webhooks.ts';
import type { ApiBuilder } from './builder.ts';
import { boxText, edgeTexts } from './images.ts';
import type { PreviewKindRef } from './models.ts';

export const keyText =
  'A second request with the same key gets the first generation instead of another one: so that a request whose answer was ' +
  `lost can be sent again. 1 to ${LONGEST_KEY} printable characters of ASCII.`;

/** What createGeneration takes: every field of a request. One that is missing here does not compile. */
export function addGenerationInput(builder: ApiBuilder, preview: PreviewKindRef) {
  const image = addImageInput(builder);
  const edit = addEditInput(builder);
  const webhook = addWebhookInput(builder);
  const size = addSizeInput(builder);
  return builder.inputType('CreateGenerationInput', {
    description: "What is left out takes the model's own default: one image, the class of each in turn, the seed 0.",
    fields: (t) =>
      ({
        model: t.string({ required: true, description: requestTexts.model }),
        images: t.field({ type: [image], description: `1 to ${MOST_IMAGES} in all; one where left out.` }),
        seed: t.field({ type: 'SafeInt', description: `${requestTexts.seed} 0 where left out.` }),
        guidance: t.float({ description: requestTexts.guidance }),
        options: t.field({ type: 'JSONObject', description: requestTexts.options }),
        preview: t.field({ type: preview, description: `${requestTexts.preview} The model's own way where left out.` }),
        size: t.field({ type: size, description: requestTexts.size }),
        details: t.boolean({ description: `${requestTexts.details} False where left out.` }),
        edit: t.field({ type: edit, description: `${requestTexts.edit} They show no class where none is said.` }),
        priority: t.int({
          description: `-${MOST_PRIORITY} to ${MOST_PRIORITY}: higher ones begin sooner. 0 where left out.`,
        }),
        deadline: t.field({
          type: 'DateTime',
          description:
            'It fails with deadline-passed if it has not begun by then. It may wait for ever where left out.',
        }),
        idempotencyKey: t.string({ description: keyText }),
        webhook: t.field({ type: webhook, description: 'Whom to tell what becomes of it.' }),
      }) satisfies Record<keyof GenerationRequest | Exclude<keyof GenerationInput, 'cancelAfterMs'>, unknown>,
  });
}

function addSizeInput(builder: ApiBuilder) {
  return builder.inputType('SizeInput', {
    description: 'Size of a picture in pixels.',
    fields: (t) =>
      ({
        width: t.int({ required: true, description: 'Columns.' }),
        height: t.int({ required: true, description: 'Rows.' }),
      }) satisfies Record<keyof PictureSize, unknown>,
  });
}

function addWebhookInput(builder: ApiBuilder) {
  const event = builder.enumType('WebhookEvent', {
    description: 'What a webhook is told of.',
    values: {
      STARTED: { value: 'started', description: 'A worker begins with the generation, or goes on with it.' },
      STEP: { value: 'step', description: 'A step is done; of several since the last message, the newest.' },
      COMPLETED: { value: 'completed', description: 'The last event: completed, failed or canceled.' },
    } as const,
  });
  return builder.inputType('WebhookInput', {
    description: 'Messages are signed as Standard Webhooks says; GET /v1/webhooks/secret has the secret.',
    fields: (t) =>
      ({
        url: t.string({ required: true, description: 'An https URL of a public address.' }),
        events: t.field({ type: [event], description: 'COMPLETED alone where left out.' }),
      }) satisfies Record<keyof WebhookWish, unknown>,
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
        input: t.field({
          type: 'JSONObject',
          description: 'For models whose condition is no class: what Model.condition describes, a text for example.',
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
        seed: t.field({
          type: 'SafeInt',
          description:
            'Of the first of them; the next has the next one. Counted from the seed of the whole where left out.',
        }),
      }) satisfies Record<keyof ImageInput, unknown>,
  });
}

function addEditInput(builder: ApiBuilder) {
  const box = builder.inputType('BoxInput', {
    description: boxText,
    fields: (t) => ({
      x0: t.float({ required: true, description: edgeTexts.x0 }),
      y0: t.float({ required: true, description: edgeTexts.y0 }),
      x1: t.float({ required: true, description: edgeTexts.x1 }),
      y1: t.float({ required: true, description: edgeTexts.y1 }),
    }),
  });
  const region = builder.inputType('EditRegionInput', {
    isOneOf: true,
    description: 'Which part of a picture is redrawn, said in one of these ways.',
    fields: (t) =>
      ({
        mask: t.id({
          description: 'A picture too, of the shape of the image or of the model: white is redrawn, black stays.',
        }),
        inside: t.field({ type: box, description: 'What is in this rectangle.' }),
        outside: t.field({ type: box, description: 'What is outside of this rectangle.' }),
        place: t.field({
          type: box,
          description: 'The picture is shrunk into this rectangle, and everything around it is drawn.',
        }),
      }) satisfies Record<keyof EditRegionInput, unknown>,
  });
  return builder.inputType('EditInput', {
    description: 'A picture of which a part is redrawn. Every kept pixel is in the images as it was given.',
    fields: (t) =>
      ({
        image: t.id({
          required: true,
          description: 'The id of a picture: of an upload (POST /v1/uploads), or of a generation.',
        }),
        region: t.field({ type: region, description: 'What is transparent in the picture where left out.' }),
      }) satisfies Record<keyof EditInput, unknown>,
  });
}
