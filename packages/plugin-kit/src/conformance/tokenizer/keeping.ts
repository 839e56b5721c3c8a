import type { Context, Reads } from '@tessera/core';
import { apart } from '../compare.ts';
import { paint, stepsOf, tokensOf, type OpenedTokenizer } from './opened-tokenizer.ts';

/** Rows of a canvas. */
const ROWS = 2;

/** Masks of the finest map: all of it, its left half, its upper half, a single place, nothing. */
const MASKS: readonly ((y: number, x: number, size: { readonly height: number; readonly width: number }) => boolean)[] =
  [
    () => true,
    (_, x, { width }) => x < width / 2,
    (y, _, { height }) => y < height / 2,
    (y, x) => y === 0 && x === 0,
    () => false,
  ];

function maskOf({ tokenizer: { layout } }: OpenedTokenizer, keeps: (typeof MASKS)[number]): Uint8Array {
  const { height, width } = layout.scales.at(-1)!;
  return Uint8Array.from({ length: height * width }, (_, i) =>
    keeps(Math.floor(i / width), i % width, { height, width }) ? 1 : 0,
  );
}

/** What `keepMask` makes of masks otherwise than their places say, or null. */
export function mislaidMask(opened: OpenedTokenizer): string | null {
  const { layout } = opened.tokenizer;
  const finest = layout.scales.at(-1)!;
  for (const [number, keeps] of MASKS.entries()) {
    const mask = maskOf(opened, keeps);
    const keep_L = opened.tokenizer.keepMask(mask);
    if (number === 0 && keep_L.includes(0)) return 'a token that goes though the mask keeps all';
    // Scales of a few tokens may stay whole: they hold the picture's mean.
    for (const { start, height, width } of layout.scales.filter((scale) => scale.height * scale.width > 3)) {
      const own = keep_L.subarray(start, start + height * width);
      const wrong = start === finest.start ? own.findIndex((keep, i) => keep > 0 !== mask[i]! > 0) : -1;
      if (wrong >= 0) return `place ${wrong} of the finest map as ${own[wrong]} under a mask that says ${mask[wrong]}`;
      const far = own.findIndex((keep, i) => {
        const [y, x] = [Math.floor(i / width), i % width];
        return (
          keep > 0 && !keeps(Math.floor((y * finest.height) / height), Math.floor((x * finest.width) / width), finest)
        );
      });
      if (far >= 0 && number < 3) return `place ${far} of a map of ${height} x ${width} kept, outside of the mask`;
    }
  }
  return null;
}

/** Which positions are kept: as masks say, and some that no mask gives. */
function keptBy(opened: OpenedTokenizer): Uint8Array[] {
  const { tokenizer } = opened;
  const scattered = Uint8Array.from({ length: tokenizer.layout.length }, (_, at) => (at % 3 === 1 ? 1 : 0));
  return [...MASKS.map((keeps) => tokenizer.keepMask(maskOf(opened, keeps))), scattered];
}

/** [B, L, C] of the first where kept, of the second elsewhere. */
function merged(kept: Float32Array, written: Float32Array, keep_L: Uint8Array): Float32Array {
  const C = kept.length / (ROWS * keep_L.length);
  return written.map((value, i) => (keep_L[Math.floor(i / C) % keep_L.length] ? kept[i]! : value));
}

/** A canvas that keeps some tokens shows what it would show if they had been written. */
export async function overwritten(opened: OpenedTokenizer, everyMask: boolean): Promise<string | null> {
  const [kept, written] = [await tokensOf(opened, [1, 2]), await tokensOf(opened, [3, 4])];
  for (const reads of opened.tokenizer.serves) {
    for (const keep_L of keptBy(opened).slice(everyMask ? 0 : -1)) {
      const due = await paint(opened, { tokens: merged(kept, written, keep_L), rows: ROWS, reads });
      const shown = await paint(opened, { tokens: written, rows: ROWS, reads, kept: { tokens: kept, keep_L } });
      const wrong = shown.findIndex((one, row) => apart('', one, due[row]!) !== null);
      if (wrong < 0) continue;
      const far = apart('pixels', shown[wrong]!, due[wrong]!);
      const count = keep_L.reduce((sum, keep) => sum + keep, 0);
      return `${far} from those of ${count} kept tokens of ${keep_L.length}, read by '${reads}'`;
    }
  }
  return null;
}

/** What a canvas gives to backbones otherwise than it was written, or null. Estimates are compared with training's. */
export async function misread(opened: OpenedTokenizer): Promise<string | null> {
  const { tokenizer } = opened;
  const [kept, written] = [await tokensOf(opened, [1, 2]), await tokensOf(opened, [3, 4])];
  const keep_L = keptBy(opened).at(-1)!;
  const all = merged(kept, written, keep_L);
  for (const reads of tokenizer.serves.filter((one) => one !== 'estimate')) {
    const steps = stepsOf(tokenizer, { rows: ROWS, reads });
    let wrong: string | null = null;
    await paint(opened, {
      ...{ tokens: written, rows: ROWS, reads, kept: { tokens: kept, keep_L } },
      seen: async ({ index }, context) => {
        const before = steps.slice(0, index).map(({ positions_Bl }) => positions_Bl);
        wrong ??= await wrongContext(context, { all, keep_L, before, reads });
      },
    });
    if (wrong !== null) return wrong;
  }
  return null;
}

interface Due {
  /** What lies or will lie at each position, [B, L, C]. */
  readonly all: Float32Array;
  readonly keep_L: Uint8Array;
  /** Positions of the steps so far, of all rows. */
  readonly before: readonly Int32Array[];
  readonly reads: Reads;
}

async function wrongContext(context: Context, { all, keep_L, before, reads }: Due): Promise<string | null> {
  const L = keep_L.length;
  const C = all.length / (ROWS * L);
  if (context.reads === 'known') {
    const written = new Set(before.flatMap((positions) => [...positions]));
    const known = Float32Array.from({ length: ROWS * L }, (_, i) => (keep_L[i % L] || written.has(i % L) ? 1 : 0));
    const seen = await context.known_BL.data();
    const values = (await context.values_BLC.data()).map((value, i) => value * known[Math.floor(i / C)]!);
    return (
      apart('known tokens, and those written and kept,', seen, known) ??
      apart(
        'values of known tokens',
        values,
        all.map((value, i) => value * known[Math.floor(i / C)]!),
      )
    );
  }
  const newest = before.at(-1);
  if (context.values_BlC === null || newest === undefined)
    return (context.values_BlC === null) === (newest === undefined) ? null : `a newest token at the wrong step`;
  const l = newest.length / ROWS;
  const due = Array.from(newest, (position, i) => {
    const at = (Math.floor(i / l) * L + position) * C;
    return [...all.subarray(at, at + C)];
  });
  return apart(`tokens read by '${reads}' and those written last`, await context.values_BlC.data(), due.flat());
}
