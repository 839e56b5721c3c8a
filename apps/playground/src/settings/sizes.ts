import { atSize } from '../api/model-of.ts';
import type { Model } from '../api/operations.ts';

/* Sizes of pictures, written as `tessera generate --size` takes them: 96x64 is wider than high. */

type Sized = Pick<Model, 'image' | 'sizes'>;

/** Sides of shapes to choose from, as shares of the model's own. */
const SHAPES: readonly (readonly [width: number, height: number])[] = [
  [1, 1],
  [1.5, 1],
  [2, 1],
  [1, 1.5],
  [1, 2],
  [0.5, 0.5],
  [1.5, 1.5],
  [2, 2],
];

/** The model's own size. */
export function sizeText({ image: { width, height } }: Sized): string {
  return `${width}x${height}`;
}

/** What a request says of a size: nothing where it is the model's own, or none that it makes. */
export function askedSize(text: string | undefined, model: Sized): { width: number; height: number } | undefined {
  return text === undefined || text === sizeText(model) ? undefined : readSize(text, model);
}

/** What a model sees of pictures of a size: its maps stretch with them. */
export function seenAt<M extends Pick<Model, 'image' | 'sizes' | 'layout' | 'tokens'>>(
  model: M,
  text: string | undefined,
): M {
  const size = askedSize(text, model);
  if (!size) return model;
  const [x, y] = [size.width / model.image.width, size.height / model.image.height];
  const layout = model.layout.map((map) => ({
    ...map,
    width: Math.round(map.width * x),
    height: Math.round(map.height * y),
  }));
  return atSize(model, size, layout);
}

/** The sizes that are offered: the model's own first. Empty where it makes no other. */
export function offeredSizes(model: Sized): readonly string[] {
  const { width, height } = model.image;
  const all = SHAPES.map(([x, y]) => `${width * x}x${height * y}`);
  const offered = all.filter((text) => readSize(text, model) !== undefined);
  return offered.length > 1 ? offered : [];
}

/** The size that a text says; undefined where it is none that the model makes. */
export function readSize(text: string, { image, sizes }: Sized): { width: number; height: number } | undefined {
  const [, width = 0, height = 0] = (/^(\d{1,5})x(\d{1,5})$/.exec(text) ?? []).map(Number);
  if (width === image.width && height === image.height) return { width, height };
  if (!sizes) return undefined;
  const { least, most, step } = sizes;
  const fits = (side: number): boolean => side >= least && side <= most && side % step === 0;
  return fits(width) && fits(height) ? { width, height } : undefined;
}

/** For people: what sizes there are. */
export function sizeBounds({ image, sizes }: Sized): string {
  if (!sizes) return `${image.width}x${image.height}, the only size of this model`;
  const { least, most, step } = sizes;
  return `a size like ${image.width}x${image.height}: sides from ${least} to ${most}, in steps of ${step}`;
}
