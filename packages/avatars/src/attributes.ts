import type { Result } from '@dicebear/core';
import { type AvatarStyle, factsOf } from './styles.ts';

/** The colours behind an avatar, each as likely as the others. */
export const backgrounds: readonly string[] = ['b6e3f4', 'c0aede', 'd1d4f9', 'ffd5dc', 'ffdfbf'];

/** The value of an attribute that an avatar does not show: no glasses, or hair under a hat that covers all of it. */
export const NONE = 'none';

/** What a style draws: parts in variants, and colours from palettes. */
export interface StyleParts {
  readonly parts: Readonly<Record<string, readonly string[]>>;
  /** `hairColor`: `['cab188', ...]`. */
  readonly colours: Readonly<Record<string, readonly string[]>>;
}

export function partsOf(name: AvatarStyle): StyleParts {
  const { style } = factsOf(name);
  const parts: Record<string, readonly string[]> = {};
  const colours: Record<string, readonly string[]> = {};
  for (const [key, field] of Object.entries(style.schema!.properties!)) {
    if (typeof field !== 'object' || !Array.isArray(field.default) || key === 'backgroundColor') continue;
    const values = field.default.map(String);
    if (key.endsWith('Color')) colours[key] = values;
    else if (!/(?:OffsetX|OffsetY|Rotation)$/.test(key)) parts[key] = values;
  }
  return { parts, colours };
}

/**
 * The attributes of a style and the values of each, in a fixed order: `glasses: ['none', 'dark01', ...]`. Colours are `#rrggbb`.
 * An attribute with one value for all avatars of the style is left out.
 */
export function attributeValues(style: AvatarStyle): Readonly<Record<string, readonly string[]>> {
  const { parts, colours } = partsOf(style);
  const {
    derived,
    style: { schema },
  } = factsOf(style);
  const values: [string, readonly string[]][] = [['background', backgrounds.map(hex)]];
  for (const [name, variants] of Object.entries(parts)) {
    const mayLack = `${name}Probability` in schema!.properties!;
    if (variants.length > 1 || mayLack) values.push([name, [NONE, ...variants.toSorted()]]);
  }
  for (const [name, palette] of Object.entries(colours)) {
    if (palette.length > 1 && !derived.includes(name)) values.push([name, [NONE, ...palette.map(hex)]]);
  }
  return Object.fromEntries(values);
}

function hex(colour: string): string {
  return `#${colour}`;
}

/** Draws the same avatar with other options. Every choice of DiceBear takes one random number, so that all others stay. */
export type Redraw = (options: Readonly<Record<string, readonly string[]>>) => Result;

/**
 * The attributes that can be seen. DiceBear also gives parts that others cover, and colours of parts that are not there.
 * `differs` compares the pixels of two drawings.
 */
export async function visibleAttributes(
  style: AvatarStyle,
  redraw: Redraw,
  differs: (one: Result, other: Result) => Promise<boolean>,
): Promise<Record<string, string>> {
  const whole = redraw({});
  const extra = whole.toJson().extra as Readonly<Record<string, string | undefined>>;
  const hidden: Record<string, readonly string[]> = {};
  for (const part of coveredParts(style, extra)) {
    const without = redraw({ [part]: [] });
    if (!(await differs(whole, without))) hidden[part] = [];
  }
  const shown = shownColours(style, redraw, hidden);
  const seen: Record<string, string> = {};
  for (const name of Object.keys(attributeValues(style))) {
    if (name === 'background') seen[name] = extra['primaryBackgroundColor']!;
    else if (name.endsWith('Color')) seen[name] = shown.has(name) ? extra[name]! : NONE;
    else seen[name] = name in hidden ? NONE : (extra[name] ?? NONE);
  }
  return seen;
}

/** Parts of this avatar that another part of it may cover. */
function coveredParts(style: AvatarStyle, extra: Readonly<Record<string, string | undefined>>): ReadonlySet<string> {
  const { covers } = factsOf(style);
  const present = Object.entries(covers).filter(([part]) => extra[part] !== undefined);
  return new Set(present.flatMap(([, parts]) => parts.filter((part) => extra[part] !== undefined)));
}

/** The colours that a drawing uses: each is replaced by one that no palette has, and looked for. */
function shownColours(
  style: AvatarStyle,
  redraw: Redraw,
  hidden: Readonly<Record<string, readonly string[]>>,
): ReadonlySet<string> {
  const names = Object.keys(partsOf(style).colours);
  const marks = names.map((_, index) => `0102${(16 + index).toString(16)}`);
  const svg = redraw({ ...hidden, ...Object.fromEntries(names.map((name, i) => [name, [marks[i]!]])) }).toString();
  return new Set(names.filter((_, index) => svg.includes(`#${marks[index]!}`)));
}
