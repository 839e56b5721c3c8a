import {
  checkSize,
  guidanceOf,
  mostGuidance,
  valueOf,
  type Condition,
  type ConditionSpace,
  type GuidanceKind,
  type PictureSize,
  type PreviewKind,
  type Sizes,
} from '@tessera/core';
import { anything, schema, type Field } from '@tessera/schema';
import { isTesseraError, TesseraError } from '@tessera/errors';
import { checkRegion, type EditRequest } from './region.ts';

export interface RequestedImage {
  readonly condition: Condition;
  /** Its own seed; left out, image i has the request's seed + i. */
  readonly seed?: number;
}

/**
 * A generation: the same on the command line, in the API, in its records, in the models' process and in the model. Plain
 * JSON; what is left out takes the model's own default.
 */
export interface GenerationRequest {
  readonly model: string;
  /** One entry per image. */
  readonly images: readonly RequestedImage[];
  /** From 0 to 2^53 - 1. Image i has seed + i unless it has its own, and can be made again alone. */
  readonly seed: number;
  /** Strength in the model's own scale, 0 to 100. No guidance is 0 for a ramp (VAR), 1 for linear and constant. */
  readonly guidance?: number;
  /** Options of order, head and loop by name: `steps`, `temperature`, `topK` ... */
  readonly options?: Readonly<Record<string, unknown>>;
  readonly preview?: PreviewKind;
  /** Of the pictures, in pixels; left out, the model's own. */
  readonly size?: PictureSize;
  /** Whether each step tells code, log-probability, entropy and likeliest codes of its tokens: false by default. */
  readonly details?: boolean;
  /** A picture of which a part is redrawn, in every image; without a class that is plain in- or out-painting. */
  readonly edit?: EditRequest;
}

/** The same for one model, which needs no name, and takes the pixels of an edit rather than their names. */
export type ModelRequest = Omit<GenerationRequest, 'model' | 'edit'>;

declare const checked: unique symbol;

/** A request that has passed the check of its model: the same check is not run on it a second time. */
export type Checked<R extends ModelRequest> = R & { readonly [checked]: true };

/** Each field in a sentence for people: API and forms show it. */
export const requestTexts: Readonly<Record<keyof GenerationRequest, string>> = {
  model: 'Name of a model.',
  images: 'The images, each with what it is to show.',
  seed: 'Image i has seed + i unless it has its own, and can be made again alone.',
  guidance: `How strongly the conditions pull, 0 to ${mostGuidance}; see Model.guidanceOff.`,
  options: 'What else the model lets one choose: see Model.options.',
  preview: 'How each step is shown.',
  size: "Of the pictures, in pixels; left out, the model's own. See Model.sizes.",
  details: 'Whether each step tells code, log-probability, entropy and likeliest codes of its tokens.',
  edit: 'A picture of which a part is redrawn, in every image.',
};

/** What a model says of the requests that it takes. */
export interface RequestBounds {
  /** Its name. */
  readonly name: string;
  /** The conditions that it knows. */
  readonly condition: ConditionSpace;
  readonly guidance: GuidanceKind;
  /** The sizes of pictures that it makes. */
  readonly sizes: Sizes;
  /** Reads options. @throws TesseraError for those that it does not take */
  readonly readOptions: (options: Readonly<Record<string, unknown>>) => unknown;
}

const { choice, described, field, integer, list, object, optional, string, boolean, number } = schema;

/**
 * Reads a request by the bounds of its model; its JSON Schema says the same.
 * @throws TesseraError `images-empty`, `label-out-of-range`, `seed-out-of-range`,
 * `guidance-out-of-range`, `guidance-unsupported`, `option-unknown` and what the schemas of the options throw,
 * `size-unsupported`, `edit-region-twice`, `edit-outside-alone`, `edit-box-invalid`; `field-...` for values of another type
 */
export function requestSchema(bounds: RequestBounds): Field<GenerationRequest> {
  const fields = {
    model: described(optional(string(), bounds.name), requestTexts.model),
    images: described(imagesOf(bounds), requestTexts.images),
    seed: described(seed, requestTexts.seed),
    guidance: described(optional(guidanceFor(bounds), undefined), requestTexts.guidance),
    options: described(optional(optionsOf(bounds), undefined), requestTexts.options),
    preview: described(optional(choice('none', 'linear', 'decoded'), undefined), requestTexts.preview),
    size: described(optional(sizeField(bounds.sizes), undefined), requestTexts.size),
    details: described(optional(boolean(), undefined), requestTexts.details),
    edit: described(optional(edit, undefined), requestTexts.edit),
  } satisfies { readonly [K in keyof Required<GenerationRequest>]: Field<GenerationRequest[K]> };
  const all = object(fields);
  return field((value, place) => {
    const request: GenerationRequest = withoutUndefined(all.read(value, place));
    if (request.seed > Number.MAX_SAFE_INTEGER - (request.images.length - 1)) {
      throw seedOutOfRange(request.seed, place.who);
    }
    return request;
  }, all.json);
}

type Given<T> = { readonly [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  readonly [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** A value without the fields that were left out. */
function withoutUndefined<T extends object>(value: T): Given<T> {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Given<T>;
}

function imagesOf(bounds: RequestBounds): Field<readonly RequestedImage[]> {
  const images = list(object({ condition: conditionOf(bounds), seed: optional(seed, undefined) }));
  return field(
    (value, place) => {
      if (!Array.isArray(value) || value.length > 0) return images.read(value, place).map(withoutUndefined);
      throw new TesseraError({
        code: 'images-empty',
        who: place.who,
        got: 'no images',
        expected: 'at least one',
        next: 'Ask for at least one image.',
      });
    },
    { ...images.json, minItems: 1 },
  );
}

/** By its kind: a class of the model, or what its condition part reads, or none. */
function conditionOf({ condition }: RequestBounds): Field<Condition> {
  const kinds: { readonly [K in Condition['kind']]: Field<Extract<Condition, { kind: K }>> } = {
    class: object({ kind: choice('class'), label: anything as Field<number> }),
    input: object({ kind: choice('input'), input: anything }),
    none: object({ kind: choice('none') }),
  };
  const kind = choice(...(Object.keys(kinds) as Condition['kind'][]));
  const own = condition.classes === null ? { input: condition.input.json } : { label: condition.input.json };
  return field(
    (value, place) => {
      const said = typeof value === 'object' && value !== null && 'kind' in value ? value.kind : undefined;
      const read: Field<Condition> = kinds[kind.read(said, { who: place.who, path: `${place.path}.kind` })];
      const given = read.read(value, place);
      checkInput(given, { ...condition, name: place.who });
      return given;
    },
    { type: 'object', properties: { kind: kind.json, ...own } },
  );
}

/** A wrong field of an input is said by its place in a request: a form shows the error there. */
function checkInput(given: Condition, space: ConditionSpace): void {
  try {
    valueOf(given, space);
  } catch (error) {
    const place = isTesseraError(error) ? error.parts?.field : undefined;
    if (given.kind !== 'input' || !isTesseraError(error) || !place) throw error;
    const field = ['input', 'images', 'condition', 'input', ...place];
    throw new TesseraError({ ...error.parts, field, cause: error });
  }
}

/** Of the first image, or of one alone. The last one's is looked at where the number of images is known. */
const seed: Field<number> = field(
  (value, { who }) => {
    if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
    throw seedOutOfRange(value, who);
  },
  { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
);

function seedOutOfRange(value: unknown, who: string): TesseraError {
  return new TesseraError({
    code: 'seed-out-of-range',
    who,
    got: `seed ${shown(value)}`,
    expected: 'an integer from 0 to 2^53 - 1 for every image',
    next: 'Choose another seed.',
  });
}

function guidanceFor({ guidance: kind }: RequestBounds): Field<number> {
  return field(
    (value, place) => {
      const scale = typeof value === 'number' ? value : number().read(value, place);
      if (kind !== 'none') {
        guidanceOf({ kind, scale });
        return scale;
      }
      throw new TesseraError({
        code: 'guidance-unsupported',
        who: place.who,
        got: `guidance ${scale}`,
        expected: 'none: this model was made without a null class',
        next: 'Leave guidance out.',
      });
    },
    { type: 'number', minimum: 0, maximum: mostGuidance },
  );
}

const side = integer({ min: 1 });
const sides: Field<PictureSize> = object({ height: side, width: side });

/** `96x64`: width, then height. */
export function sizeText({ width, height }: PictureSize): string {
  return `${width}x${height}`;
}

/** Of a picture, by the bounds of a model. @throws TesseraError `size-unsupported`, `field-...` */
export function sizeField(sizes: Sizes): Field<PictureSize> {
  return field((value, place) => {
    const size = sides.read(value, place);
    checkSize(size, sizes, place.who);
    return size;
  }, sides.json);
}

/** The values stay as they are: the model's parts read them by the same schemas when it runs. */
function optionsOf({ readOptions }: RequestBounds): Field<Readonly<Record<string, unknown>>> {
  const plain: Field<object> = object({});
  return field(
    (value, place) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return plain.read(value, place) as never;
      readOptions(value as Readonly<Record<string, unknown>>);
      return value as Readonly<Record<string, unknown>>;
    },
    { type: 'object' },
  );
}

const box = list(number());
const editFields = object({
  image: string(),
  mask: optional(string(), undefined),
  box: optional(box, undefined),
  outside: optional(boolean(), undefined),
  place: optional(box, undefined),
});
const edit: Field<EditRequest> = field((value, place) => {
  const read = withoutUndefined(editFields.read(value, place));
  checkRegion(read, read.mask !== undefined, place.who);
  return read;
}, editFields.json);

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 60)) : String(value).slice(0, 60);
}
