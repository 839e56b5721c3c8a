import { fetchPicture, type Generation, type Model } from '../api/operations.ts';
import { cutPicture } from './compose.ts';
import { frameOf, WHOLE, type Box, type Frame } from './frame.ts';
import { isWhole, type Operation } from './mask.ts';
import { readRuns, toRuns, type Runs } from './runs.ts';
import { boxPixels } from './shapes.ts';

/** What of a picture was redrawn, as a file holds it. */
export interface GivenEdit extends Runs {
  /** The part of the frame in which the picture lay. */
  readonly place: Box;
}

type Edit = NonNullable<Generation['edit']>;

/** What a generation of a model has redrawn. Throws an Error whose message can be shown. */
export async function givenEdit(edit: Edit, model: Model): Promise<GivenEdit> {
  const frame = frameOf(model);
  const place = edit.place ?? WHOLE;
  return { ...toRuns(await maskOf(edit, frame), frame), place };
}

async function maskOf({ image, mask, inside, outside, place }: Edit, frame: Frame): Promise<Uint8Array> {
  if (place) return new Uint8Array(frame.width * frame.height);
  if (inside) return boxPixels(inside, frame);
  if (outside) return boxPixels(outside, frame).map((one) => 1 - one);
  const bitmap = await bitmapOf((mask ?? image).url);
  const { rgba, unknown } = cutPicture(bitmap, WHOLE, frame);
  bitmap.close();
  // Without a region it is what is transparent.
  return mask ? unknown.map((_, pixel) => (rgba[4 * pixel]! >= 128 ? 1 : 0)) : unknown;
}

async function bitmapOf(url: string): Promise<ImageBitmap> {
  return createImageBitmap(new Blob([new Uint8Array(await fetchPicture(url))]));
}

/** The same by what a person would do. */
export function operationsOf({ place, ...mask }: GivenEdit): readonly Operation[] {
  return [...(isWhole(place) ? [] : [{ kind: 'place' as const, place }]), { kind: 'mask', ...mask }];
}

/** Reads what a file says. Null where that makes no sense. */
export function readGivenEdit(value: unknown): GivenEdit | null {
  const runs = readRuns(value);
  const { place } = (value ?? {}) as { readonly place?: Partial<Box> };
  if (!runs || typeof place !== 'object' || place === null) return null;
  const { x0, y0, x1, y1 } = place;
  const isInside = [x0, y0, x1, y1].every((one) => typeof one === 'number' && one >= 0 && one <= 1);
  if (!isInside || !(x0! < x1! && y0! < y1!)) return null;
  return { ...runs, place: { x0: x0!, y0: y0!, x1: x1!, y1: y1! } };
}
