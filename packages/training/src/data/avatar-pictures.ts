import { createHash } from 'node:crypto';
import { type Avatar, type AvatarStyle, openAvatarThreads } from '@tessera/avatars';
import { TesseraError } from '@tessera/errors';
import type { Progress } from '@tessera/progress';
import type { Attribute } from './data-set.ts';
import type { Pictures } from './picture-cache.ts';

/** The splits in the order of their pictures. */
export const avatarSplits = ['test', 'validation', 'train'] as const;
export type SplitName = (typeof avatarSplits)[number];

/** Which avatars to draw. */
export interface AvatarPlan {
  readonly size: number;
  readonly styles: readonly AvatarStyle[];
  /** Pictures of each style. */
  readonly perSplit: Readonly<Record<SplitName, number>>;
  /** Those of all styles, each named `STYLE.NAME`. */
  readonly attributes: readonly Attribute[];
}

/** Where a picture goes, and the split that its seed is of. */
interface Slot {
  readonly split: SplitName;
  /** Within its split. */
  readonly index: number;
  /** Within all pictures. */
  readonly at: number;
  readonly style: AvatarStyle;
}

/** Rounds of new seeds in which not one new picture came, after which a style has no more. */
const MOST_EMPTY_ROUNDS = 5;

/**
 * Draws a plan split by split, in each one picture of each style after the other. A picture that is there already is drawn
 * again from another seed. @throws TesseraError `avatars-exhausted`
 */
export async function drawDistinct(plan: AvatarPlan, progress: (total: number) => Progress): Promise<Pictures> {
  const slots = slotsOf(plan);
  const sheet = emptySheet(plan, slots.length);
  const bar = progress(slots.length);
  bar.begin(`${slots.length} pictures to draw, kept for the next run`);
  const seen = new Set<string>();
  const threads = openAvatarThreads();
  try {
    for (const split of avatarSplits) {
      let open = slots.filter((slot) => slot.split === split);
      for (let round = 0, empty = 0; open.length > 0; round++) {
        const repeated: Slot[] = [];
        let n = 0;
        for await (const avatar of threads.draw(open.map((slot) => requestOf(slot, plan, round)))) {
          const slot = open[n++]!;
          if (isNew(avatar, seen)) place(avatar, slot, { plan, sheet });
          else repeated.push(slot);
          bar.update(seen.size, `drawing those of ${split}`);
        }
        empty = repeated.length === open.length ? empty + 1 : 0;
        if (empty > MOST_EMPTY_ROUNDS) throw exhausted(repeated[0]!, plan);
        open = repeated;
      }
    }
  } finally {
    await threads.end();
  }
  bar.end();
  return sheet;
}

function slotsOf({ styles, perSplit }: AvatarPlan): Slot[] {
  const slots: Slot[] = [];
  for (const split of avatarSplits) {
    for (let index = 0; index < perSplit[split] * styles.length; index++) {
      slots.push({ split, index, at: slots.length, style: styles[index % styles.length]! });
    }
  }
  return slots;
}

/** Bytes that one array buffer of Node can hold. */
const MOST_BYTES = 2 ** 32 - 1;

function emptySheet({ size, attributes }: AvatarPlan, count: number): Pictures {
  const bytes = count * size * size * 3;
  if (bytes > MOST_BYTES) {
    const got = `${count} pictures of ${size} x ${size} pixels, ${(bytes / 2 ** 30).toFixed(1)} GB`;
    const next = 'Ask for fewer (data.perClass, data.test), or smaller ones (data.size).';
    throw new TesseraError({ code: 'avatars-too-large', who: 'avatars', got, expected: 'at most 4 GB', next });
  }
  return {
    pixels: new Uint8Array(count * size * size * 3),
    label_N: new Int32Array(count),
    attribute_NA: new Int32Array(count * attributes.length).fill(-1),
  };
}

/** DiceBear's own hash keeps likeness: neighbouring seeds give similar avatars. A digest of the words does not. */
function requestOf({ split, index, style }: Slot, { size }: AvatarPlan, round: number) {
  const seed = createHash('sha256').update(`${split} ${index} ${round}`).digest('hex');
  return { style, seed, size };
}

function isNew({ pixels }: Avatar, seen: Set<string>): boolean {
  const hash = createHash('sha256').update(pixels).digest('base64');
  if (seen.has(hash)) return false;
  seen.add(hash);
  return true;
}

function place(avatar: Avatar, { at }: Slot, { plan, sheet }: { plan: AvatarPlan; sheet: Pictures }): void {
  const { styles, attributes } = plan;
  const label = styles.indexOf(avatar.style);
  sheet.pixels.set(avatar.pixels, at * avatar.pixels.length);
  sheet.label_N[at] = label;
  for (const [column, { name, values, label: of }] of attributes.entries()) {
    if (of !== label) continue;
    const value = avatar.attributes[name.slice(avatar.style.length + 1)]!;
    sheet.attribute_NA![at * attributes.length + column] = values.indexOf(value);
  }
}

function exhausted({ style, at }: Slot, { size }: AvatarPlan): TesseraError {
  return new TesseraError({
    code: 'avatars-exhausted',
    who: 'avatars',
    got: `no new picture of ${style} with ${size} pixels after ${at}`,
    expected: 'pictures that differ from each other',
    next: 'Ask for fewer (data.perClass, data.test), or larger ones (data.size).',
  });
}
