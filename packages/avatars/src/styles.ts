import type { Style } from '@dicebear/core';
import * as lorelei from '@dicebear/lorelei';
import * as notionists from '@dicebear/notionists';
import * as openPeeps from '@dicebear/open-peeps';
import * as pixelArt from '@dicebear/pixel-art';
import * as thumbs from '@dicebear/thumbs';

/** A style of DiceBear, and what it does not say itself. */
interface StyleFacts {
  readonly style: Style<object>;
  /** What each part may cover: the hat covers the hair of some heads as a whole. */
  readonly covers: Readonly<Record<string, readonly string[]>>;
  /** Attributes that follow from others. The face of a thumb is black or white, whichever its colour shows better. */
  readonly derived: readonly string[];
}

/** Styles whose drawings are CC0 by the LICENSE of their packages. */
const styles = {
  'pixel-art': {
    style: pixelArt,
    covers: { hat: ['hair'], hair: ['accessories'], glasses: ['eyes'], beard: ['mouth'] },
    derived: [],
  },
  lorelei: {
    style: lorelei,
    covers: { hair: ['eyebrows', 'earrings'], glasses: ['eyes', 'eyebrows'], beard: ['mouth', 'freckles'] },
    derived: [],
  },
  'open-peeps': { style: openPeeps, covers: { mask: ['facialHair'] }, derived: [] },
  thumbs: { style: thumbs, covers: {}, derived: ['eyesColor', 'mouthColor'] },
  notionists: {
    style: notionists,
    covers: { body: ['bodyIcon'], hair: ['brows', 'glasses'], glasses: ['eyes', 'brows'], beard: ['lips'] },
    derived: [],
  },
} as const satisfies Record<string, StyleFacts>;

export type AvatarStyle = keyof typeof styles;

/** The styles, in the order of the labels of a data set of all of them. */
export const avatarStyles = Object.keys(styles) as readonly AvatarStyle[];

export function factsOf(style: AvatarStyle): StyleFacts {
  return styles[style];
}

/** Who drew a style, and under which licence: `Lorelei by Lisa Wischofsky (CC0 1.0)`. */
export function avatarCredit(style: AvatarStyle): string {
  const { title, creator, license } = factsOf(style).style.meta!;
  return `${title} by ${creator} (${license?.name})`;
}
