import { createHash, randomInt } from 'node:crypto';
import { isTesseraError, TesseraError } from '@tessera/errors';
import type { ModelDescription } from '@tessera/host';
import { unknownModel } from '@tessera/models';
import { checkRegion, conditionOfWords, labelOf, sizeText, type PictureSize } from '@tessera/request';
import { nullable, record, schema, type Field, type FieldsType } from '@tessera/schema';
import {
  MOST_IMAGES,
  type BoxInput,
  type ConditionInput,
  type EditInput,
  type GenerationInput,
} from '../generations/read-input.ts';

const { boolean, choice, described, integer, list, number, object, optional, string } = schema;

/** OpenAI's clients send null for what they leave out. */
function maybe<T>(inner: Field<T>, text: string): Field<T | null> {
  return described(optional(nullable(inner), null), text);
}

const MOST_PARTIAL = 3;

const callFields = {
  prompt: described(
    string(),
    'What the images show: a class of the model by its name or number, or what else its condition part reads; or none.',
  ),
  model: maybe(string(), 'Name of a model; may be left out where there is only one.'),
  n: maybe(integer({ min: 1, max: MOST_IMAGES }), 'Number of images, 1 where left out.'),
  size: maybe(string(), 'Width and height as 96x64; auto, or left out, is the size of the model.'),
  response_format: maybe(choice('b64_json', 'url'), 'b64_json where left out.'),
  stream: maybe(boolean(), 'Answer with server-sent events.'),
  partial_images: maybe(integer({ min: 0, max: MOST_PARTIAL }), 'Pictures of each image on its way, where it streams.'),
  output_format: maybe(choice('png'), 'PNG is the only one.'),
  background: maybe(choice('auto', 'opaque'), 'Images have no transparent parts.'),
  quality: maybe(choice('auto', 'standard'), 'Every image has the quality of its model.'),
  moderation: maybe(choice('auto', 'low'), 'Nothing is moderated.'),
  user: maybe(string(), 'Taken, and not looked at.'),
  seed: maybe(integer({ min: 0 }), 'Not of OpenAI: image i has seed + i and can be made again; random where left out.'),
  guidance: maybe(number(), 'Not of OpenAI: how strongly the class pulls.'),
  options: maybe(record, 'Not of OpenAI: what else the model lets one choose; see its options in GET /v1/models.'),
};

const box = list(number({ min: 0, max: 1 }), { min: 4, max: 4 });

/** Where the picture itself has no transparent parts and there is no mask, one of these says what is redrawn. */
const regionFields = {
  box: maybe(box, 'Not of OpenAI: what is redrawn, x0, y0, x1, y1 in fractions of the picture.'),
  outside: maybe(boolean(), 'Not of OpenAI: redraw everything outside of box instead.'),
  place: maybe(box, 'Not of OpenAI: the picture is shrunk into this rectangle, and everything around it is drawn.'),
};

export const generateBody = object(callFields);
export const editBody = object({ ...callFields, ...regionFields });

type Call = FieldsType<typeof callFields>;
type EditCall = Call & FieldsType<typeof regionFields>;

/** A call of OpenAI's, read. */
export interface ImagesCall {
  readonly input: GenerationInput;
  readonly model: ModelDescription;
  readonly stream: boolean;
  readonly partialImages: number;
  readonly format: 'b64_json' | 'url';
}

/**
 * @param key of idempotency, where the client sent one
 * @throws TesseraError of the schema, `unknown-model`, `model-missing`, `unknown-label`, `ambiguous-label`, `size-unsupported`
 */
export function readCall(call: Call, models: readonly ModelDescription[], key: string | null): ImagesCall {
  const model = findModel(call.model, models);
  const { seed, guidance, options } = call;
  const partialImages = call.stream ? (call.partial_images ?? 0) : 0;
  return {
    model,
    stream: call.stream ?? false,
    partialImages,
    format: call.response_format ?? 'b64_json',
    input: {
      model: model.name,
      images: [{ condition: conditionOf(call.prompt, model), count: call.n ?? 1 }],
      seed: seed ?? seedOf(key),
      size: readSize(call.size, model),
      guidance,
      options,
      ...previewOf(partialImages, model),
    },
  };
}

/**
 * What an edit says of its region; its pictures are uploads by now.
 * @throws TesseraError `edit-region-twice`, `edit-outside-alone`, `edit-box-invalid`
 */
export function readRegion({ box, outside, place }: EditCall, image: string, mask: string | null): EditInput {
  checkRegion({ ...(box && { box }), ...(place && { place }), outside: outside ?? false }, mask !== null, who);
  const [inside, around] = outside ? [null, box] : [box, null];
  const region = {
    mask,
    inside: inside && boxInput(inside),
    outside: around && boxInput(around),
    place: place && boxInput(place),
  };
  return { image, region };
}

function boxInput([x0, y0, x1, y1]: readonly number[]): BoxInput {
  return { x0: x0!, y0: y0!, x1: x1!, y1: y1! };
}

/** No previews are drawn where none are asked for. */
function previewOf(partialImages: number, { defaults }: ModelDescription): Pick<GenerationInput, 'preview'> {
  if (partialImages === 0) return { preview: 'none' };
  return defaults.preview === 'none' ? { preview: 'decoded' } : {};
}

/** A call that is sent again with its key must be the same. */
function seedOf(key: string | null): number {
  if (key === null) return randomInt(2 ** 32);
  return createHash('sha256').update(key).digest().readUInt32BE();
}

const who = 'images';

function findModel(name: string | null, models: readonly ModelDescription[]): ModelDescription {
  const names = models.map((model) => model.name);
  if (name === null && models.length === 1) return models[0]!;
  const found = models.find((model) => model.name === name);
  if (found) return found;
  if (name !== null) throw unknownModel(name, names, { who, next: 'GET /v1/models lists them.' });
  const expected = `one of ${names.slice(0, 8).join(', ')}`;
  throw refuse({ code: 'model-missing', got: 'no model', expected, next: 'GET /v1/models lists them.' }, 'model');
}

/** Null for the model's own. Whether the model makes it is for its check to say. */
function readSize(size: string | null, { name, image, sizes }: ModelDescription): PictureSize | null {
  const own = sizeText(image);
  if (size === null || size === 'auto' || size === own) return null;
  const [, width, height] = /^(\d{1,5})x(\d{1,5})$/.exec(size) ?? [];
  if (sizes && width && height) return { width: Number(width), height: Number(height) };
  const next = 'Leave size out.';
  const expected = sizes ? 'width and height as 96x64, or auto' : `${own}, which ${name} draws`;
  throw refuse({ code: 'size-unsupported', got: `the size ${size.slice(0, 40)}`, expected, next }, 'size');
}

const MOST_NAMED = 20;

/** What a prompt says. Models of classes know no other words, so a wrong one is told all that are right. */
function conditionOf(prompt: string, { name, classes, condition }: ModelDescription): ConditionInput {
  try {
    const said = conditionOfWords(prompt, { who: name, classes, condition });
    return said.kind === 'input' ? { input: said.input } : { label: labelOf(said) };
  } catch (error) {
    if (!isTesseraError(error)) throw error;
    const { code, got, expected, next } = (error as TesseraError).parts;
    if (code !== 'unknown-label') throw refuse({ code, got, expected, next: next! }, 'prompt');
    const more = classes.length > MOST_NAMED ? ` and ${classes.length - MOST_NAMED} more` : '';
    const known = [...classes.slice(0, MOST_NAMED), ...(more ? [] : ['none'])].join(', ') + more;
    const words = `the prompt ${prompt.slice(0, 80)}`;
    throw refuse({ code, got: words, expected: `a class of ${name}: ${known}`, next: next! }, 'prompt');
  }
}

function refuse(parts: { code: string; got: string; expected: string; next: string }, field: string): TesseraError {
  return new TesseraError({ who, ...parts, field: [field] });
}
