import { TesseraError } from '@tessera/errors';
import type { ConditionForm } from './condition.ts';
import type { BackbonePlugin, TokenizerPlugin } from './plugin.ts';
import type { Layout, PictureSize, SizeBounds } from './tokens.ts';

/*
 * Pictures of other sizes by the same weights. A size changes the tokenizer's configuration, and with it the layout; the
 * other parts are built for that layout again.
 */

/** Which sizes a model makes: those within bounds, or its own alone, and why. */
export type Sizes = { readonly bounds: SizeBounds } | { readonly bounds: null; readonly because: string };

interface SizedParts {
  readonly tokenizer: { readonly plugin: TokenizerPlugin; readonly config: unknown };
  readonly backbone: { readonly plugin: BackbonePlugin; readonly config: unknown };
  /** What the condition part gives, and whether it gives it for any layout. */
  readonly condition: { readonly name: string; readonly forms: readonly ConditionForm[]; readonly anySize: boolean };
}

/** The sizes that all parts serve, by their configurations, which their schemas have read. */
export function sizesOf({ tokenizer, backbone, condition }: SizedParts): Sizes {
  const { sized, name } = tokenizer.plugin;
  if (!sized) return { bounds: null, because: `the tokenizer ${name} makes pictures of one size` };
  if (!backbone.plugin.describe(backbone.config).anySize)
    return { bounds: null, because: `the backbone ${backbone.plugin.name} knows the places of one size` };
  if (condition.forms.includes('map') && !condition.anySize)
    return { bounds: null, because: `the condition ${condition.name} makes maps of one size` };
  return { bounds: sized.bounds(tokenizer.config) };
}

/**
 * Whether a model makes pictures of this size.
 * @throws TesseraError `size-unsupported`: who asks, what is allowed, and which part allows no other
 */
export function checkSize({ height, width }: PictureSize, sizes: Sizes, who: string): void {
  const got = `the size ${width}x${height}`;
  if (sizes.bounds === null)
    throw new TesseraError({
      code: 'size-unsupported',
      who,
      got,
      expected: `no size: ${sizes.because}`,
      next: 'Leave size out.',
    });
  const { own, step, least, most } = sizes.bounds;
  const isOwn = height === own.height && width === own.width;
  if (isOwn || [height, width].every((side) => side >= least && side <= most && side % step === 0)) return;
  throw new TesseraError({
    code: 'size-unsupported',
    who,
    got,
    expected: `a width and a height from ${least} to ${most} pixels, each a multiple of ${step}`,
    next: `Choose such a size, or leave it out for ${own.width}x${own.height}.`,
  });
}

/**
 * The sides of scales for another map, coarse to fine, in proportion to those of the map that they were chosen for; the
 * last is the map. A scale of one token stays one: it is the picture as a whole.
 *
 * `scaleSizes([1, 2, 4], { height: 4, width: 8 })` gives 1x1, 2x4 and 4x8
 */
export function scaleSizes(sides: readonly number[], map: PictureSize): readonly PictureSize[] {
  const last = sides.at(-1)!;
  return sides.map((side, scale) => {
    if (scale === sides.length - 1) return { height: map.height, width: map.width };
    if (side === 1) return { height: 1, width: 1 };
    const across = (whole: number): number => Math.max(1, Math.round((side * whole) / last));
    return { height: across(map.height), width: across(map.width) };
  });
}

/** Row-major maps of these sizes, one after the other. */
export function layoutOf(sizes: readonly PictureSize[]): Layout {
  let length = 0;
  const scales = sizes.map(({ height, width }) => {
    const start = length;
    length += height * width;
    return { start, height, width };
  });
  return { length, scales };
}
