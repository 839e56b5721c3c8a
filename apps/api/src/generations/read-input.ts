import type { ModelDescription } from '@tessera/host';
import { TesseraError } from '@tessera/errors';
import { unknownModel } from '@tessera/models';
import {
  chooseClass,
  classOf,
  type Box,
  type Condition,
  type EditRequest,
  type GenerationRequest,
  type RequestedImage,
} from '@tessera/request';
import { refuse, who, type HowQueued, type Optional } from './read-wishes.ts';

/** `createGeneration` as clients send it: a request whose images and edit are written shorter, and how it is queued. */
export type GenerationInput = Pick<GenerationRequest, 'model'> &
  Optional<Omit<GenerationRequest, 'model' | 'images' | 'edit'>> &
  HowQueued & {
    readonly images?: readonly ImageInput[] | null | undefined;
    readonly edit?: EditInput | null | undefined;
  };

/** Some images that are to show the same. */
export interface ImageInput {
  readonly condition?: ConditionInput | null | undefined;
  readonly count?: number | null | undefined;
  /** Of the first of them; the next has the next one. */
  readonly seed?: number | null | undefined;
}

/** Exactly one of the fields is there: GraphQL looks at that. */
export interface ConditionInput {
  /** -1 is no class. */
  readonly label?: number | null | undefined;
  /** A word, read by `chooseClass`. */
  readonly class?: string | null | undefined;
  /** What the condition part of the model reads, where that is no class. */
  readonly input?: unknown;
}

export interface EditInput {
  readonly image: string | number;
  readonly region?: EditRegionInput | null | undefined;
}

/** Exactly one of the fields is there: GraphQL looks at that. */
export interface EditRegionInput {
  readonly mask?: string | number | null | undefined;
  readonly inside?: BoxInput | null | undefined;
  readonly outside?: BoxInput | null | undefined;
  readonly place?: BoxInput | null | undefined;
}

export interface BoxInput {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

/** More images than this belong into several generations. */
export const MOST_IMAGES = 64;

/**
 * Fills in what a client has left out. What only the model can judge, its check says afterwards.
 * @throws TesseraError `unknown-model`, `images-invalid`, `unknown-label`, `ambiguous-label`, `count-out-of-range`
 */
export function readInput(input: GenerationInput, models: readonly ModelDescription[]): GenerationRequest {
  const model = findModel(input.model, models);
  const { seed, guidance, options, preview, size, details, edit } = input;
  return {
    model: model.name,
    images: readImages(input, model),
    seed: seed ?? 0,
    options: options ?? {},
    ...(guidance != null && { guidance }),
    ...(preview && { preview }),
    ...(size && { size: { height: size.height, width: size.width } }),
    ...(details && { details }),
    ...(edit && { edit: readEditInput(edit) }),
  };
}

function findModel(name: string, models: readonly ModelDescription[]): ModelDescription {
  const found = models.find((model) => model.name === name);
  if (found) return found;
  const names = models.map((model) => model.name);
  const next = names.length > 0 ? 'Query models for the names.' : 'Put a model folder into models/ and start again.';
  throw unknownModel(name, names, { who, next });
}

/** Images without a condition take each class in turn, by their place among all; none where a picture is edited. */
function readImages({ images, edit }: GenerationInput, model: ModelDescription): readonly RequestedImage[] {
  const { classes, name } = model;
  const inTurn = classes.length > 0 && !edit;
  return requireFew(images ?? [{}])
    .flatMap(({ condition, count, seed }, entry) => {
      const read = condition ? blaming(entry, () => readCondition(condition, { who: name, classes })) : null;
      return Array.from({ length: count ?? 1 }, (_, i) => ({ read, ...(seed != null && { seed: seed + i }) }));
    })
    .map(({ read, ...seed }, image) => ({ condition: read ?? classOf(inTurn ? image % classes.length : -1), ...seed }));
}

function requireFew(images: readonly ImageInput[]): readonly ImageInput[] {
  const all = images.reduce((sum, { count }) => sum + requireCount(count ?? 1), 0);
  if (all >= 1 && all <= MOST_IMAGES) return images;
  throw refuse({
    code: 'images-invalid',
    got: all === 0 ? 'no images' : `${all} images`,
    expected: `1 to ${MOST_IMAGES} images`,
    next:
      all === 0
        ? 'Ask for at least one image, or leave images out for one.'
        : 'Spread more images over several generations.',
  });
}

/** Errors of words say of which entry they are. */
function blaming<T>(entry: number, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof TesseraError)) throw error;
    throw new TesseraError({ ...error.parts, field: ['input', 'images', String(entry), 'condition', 'class'] });
  }
}

function readCondition(
  { label, class: word, input }: ConditionInput,
  named: { readonly who: string; readonly classes: readonly string[] },
): Condition {
  if (input !== undefined && input !== null) return { kind: 'input', input };
  return classOf(label ?? chooseClass(word!, named));
}

function requireCount(count: number): number {
  if (count >= 1 && count <= MOST_IMAGES) return count;
  throw refuse({
    code: 'count-out-of-range',
    got: `count ${count}`,
    expected: `a number from 1 to ${MOST_IMAGES}`,
    next: 'Correct count, or leave it out for 1.',
  });
}

function readEditInput({ image, region }: EditInput): EditRequest {
  const { mask, inside, outside, place } = region ?? {};
  return {
    image: String(image),
    ...(mask != null && { mask: String(mask) }),
    ...(inside && { box: boxOf(inside) }),
    ...(outside && { box: boxOf(outside), outside: true }),
    ...(place && { place: boxOf(place) }),
  };
}

function boxOf({ x0, y0, x1, y1 }: BoxInput): Box {
  return [x0, y0, x1, y1];
}
