import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createAvatar, type Result } from '@dicebear/core';
import { TesseraError } from '@tessera/errors';
import sharp from 'sharp';
import { backgrounds, type Redraw, visibleAttributes } from './attributes.ts';
import { type AvatarStyle, avatarStyles, factsOf } from './styles.ts';

export interface Avatar {
  readonly style: AvatarStyle;
  readonly seed: string;
  /** `[size, size, 3]`, sRGB, 0 to 255. */
  readonly pixels: Uint8Array;
  /** What can be seen, by `attributeValues` of the style: `{ background: '#b6e3f4', glasses: 'none', ... }`. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** The smallest and the largest side of an avatar, in pixels. */
export const sizes = { least: 8, most: 1024 } as const;

/**
 * Draws an avatar before a plain pastel background. The same style, seed and size give the same pixels with the same `drawnWith`.
 * @throws TesseraError `avatar-style-unknown`, `avatar-size`
 */
export async function drawAvatar(avatar: {
  readonly style: AvatarStyle;
  readonly seed: string;
  /** Pixels per side. The pixel art is drawn on a grid of 16: a multiple of it is crisp. */
  readonly size: number;
}): Promise<Avatar> {
  const { style, seed, size } = checked(avatar);
  const facts = factsOf(style);
  const redraw: Redraw = (options) =>
    createAvatar(facts.style, { seed, size, backgroundColor: [...backgrounds], ...options });
  const differs = async (one: Result, other: Result) =>
    one.toString() !== other.toString() && isSeen(await render(one, size), await render(other, size));
  return {
    style,
    seed,
    pixels: await render(redraw({}), size),
    attributes: await visibleAttributes(style, redraw, differs),
  };
}

function checked<T extends { readonly style: AvatarStyle; readonly size: number }>(avatar: T): T {
  const { style, size } = avatar;
  const who = 'drawAvatar';
  if (!avatarStyles.includes(style)) {
    const expected = avatarStyles.join(', ');
    throw new TesseraError({ code: 'avatar-style-unknown', who, got: `the style ${JSON.stringify(style)}`, expected });
  }
  const { least, most } = sizes;
  if (!Number.isInteger(size) || size < least || size > most) {
    throw new TesseraError({ code: 'avatar-size', who, got: String(size), expected: `${least} to ${most} pixels` });
  }
  return avatar;
}

async function render(avatar: Result, size: number): Promise<Uint8Array> {
  const bytes = await sharp(Buffer.from(avatar.toString()), { density: 72 })
    .resize(size, size)
    .flatten({ background: '#fff' })
    .toColourspace('srgb')
    .removeAlpha()
    .raw()
    .toBuffer();
  return Uint8Array.from(bytes);
}

/** Levels of 255 by which a pixel must differ to be seen. */
const SEEN = 16;

function isSeen(one: Uint8Array, other: Uint8Array): boolean {
  return one.some((level, index) => Math.abs(level - other[index]!) > SEEN);
}

/** Versions of everything that decides pixels and attributes. A new one means new pictures. */
export function drawnWith(): string {
  const { resolve } = createRequire(import.meta.url);
  const packages = ['core', ...avatarStyles].map((name) => {
    const main = resolve(`@dicebear/${name}`);
    const file = `${main.slice(0, main.lastIndexOf('lib'))}package.json`;
    return `${name} ${(JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version}`;
  });
  const { vips, rsvg } = sharp.versions;
  return [`tessera ${DRAWING}`, ...packages, `vips ${vips}`, `rsvg ${rsvg}`].join(', ');
}

/** Raised whenever this package draws or describes an avatar in another way. */
const DRAWING = 1;
