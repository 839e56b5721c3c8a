import { isTesseraError, TesseraError } from '@tessera/errors';
import { nullable, record, schema, type Field } from '@tessera/schema';
import { MOST_IMAGES, type GenerationInput } from '../generations/read-input.ts';
import { MOST_PRIORITY } from '../generations/read-wishes.ts';

const { boolean, choice, described, field, integer, list, number, object, optional, refine, string } = schema;

function maybe<T>(inner: Field<T>, text: string): Field<T | null> {
  return described(optional(nullable(inner), null), text);
}

/** A record of which exactly one field is there. */
function oneOf<T extends object>(inner: Field<T>): Field<T> {
  return refine(inner, (value) => {
    const given = Object.values(value).filter((one) => one !== null);
    return given.length === 1 ? null : 'exactly one of its fields';
  });
}

const fraction = number({ min: 0, max: 1 });
const box = object({ x0: fraction, y0: fraction, x1: fraction, y1: fraction });

/** ISO 8601, as JSON writes dates. */
const moment: Field<Date> = field(
  (value, place) => {
    const date = new Date(typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) ? value : Number.NaN);
    if (!Number.isNaN(date.getTime())) return date;
    throw new TesseraError({
      code: 'field-invalid',
      who: place.who,
      got: `${place.path} = ${JSON.stringify(value).slice(0, 100)}`,
      expected: 'a moment as 2026-11-22T08:30:00Z',
      next: `Correct ${place.path}.`,
      field: [place.path],
    });
  },
  { type: 'string' },
);

const condition = oneOf(
  object({
    label: maybe(integer({ min: -1 }), 'A class by its number; -1 is no class.'),
    class: maybe(string(), 'A class by a word: a name, a number, number:3 or name:3 where both fit, none.'),
    input: maybe(record, 'For models whose condition is no class: what their condition part reads.'),
  }),
);

const region = oneOf(
  object({
    mask: maybe(string(), 'Id of an upload: white is redrawn, black stays.'),
    inside: maybe(box, 'What is redrawn, in fractions of the picture.'),
    outside: maybe(box, 'What stays.'),
    place: maybe(box, 'The picture is shrunk into this rectangle, and everything around it is drawn.'),
  }),
);

/** `POST /v1/generations`: the same as the input of `createGeneration`. The idempotency key is a header here. */
export const generationBody = object({
  model: described(string(), 'Name of a model.'),
  images: maybe(
    list(
      object({
        condition: maybe(condition, 'Each class in turn where left out; none where a picture is edited.'),
        count: maybe(integer({ min: 1, max: MOST_IMAGES }), 'How many; 1 where left out.'),
      }),
      { max: MOST_IMAGES },
    ),
    `1 to ${MOST_IMAGES} images in all; one where left out.`,
  ),
  seed: maybe(integer({ min: 0 }), 'Of the first image; 0 where left out.'),
  guidance: maybe(number(), 'How strongly the conditions pull.'),
  options: maybe(record, 'What else the model lets one choose.'),
  preview: maybe(choice('none', 'linear', 'decoded'), 'How each step is shown.'),
  size: maybe(
    object({ width: integer({ min: 1 }), height: integer({ min: 1 }) }),
    "Of the images, in pixels; the model's own where left out.",
  ),
  details: maybe(boolean(), 'Codes, probabilities, entropies and likeliest codes of the tokens of each step.'),
  edit: maybe(
    object({
      image: described(string(), 'Id of an upload, or of a finished image.'),
      region: maybe(region, 'What of it is redrawn; its transparent parts where left out.'),
    }),
    'A picture of which a part is redrawn, in every image.',
  ),
  priority: maybe(integer({ min: -MOST_PRIORITY, max: MOST_PRIORITY }), 'Higher runs sooner; 0 where left out.'),
  deadline: maybe(moment, 'It fails if no worker has begun with it by then.'),
  webhook: maybe(
    object({
      url: described(string(), 'An https URL of a public address.'),
      events: maybe(
        list(choice('started', 'step', 'completed'), { min: 1, max: 3 }),
        'completed alone where left out.',
      ),
    }),
    'A URL that gets its events; signed as Standard Webhooks says.',
  ),
});

/** As it is written, for the service. @throws TesseraError of the schema: its field is one of the whole input */
export function readGenerationBody(body: unknown): GenerationInput {
  try {
    return generationBody.parse(body, 'generations');
  } catch (error) {
    if (!isTesseraError(error)) throw error;
    const { parts } = error as TesseraError;
    throw new TesseraError({ ...parts, field: ['input', ...(parts.field ?? [])] });
  }
}
