import { checkMask, type Layout } from '@tessera/core';

/**
 * Brings a mask on the finest map (1 = keep) to every position: a token of a coarser scale stays where the mask,
 * interpolated bilinearly without antialiasing, is above one half. A scale of at most three tokens stays whole, as in the
 * official zero-shot editing: it holds the picture's mean.
 * @throws TesseraError `mask-size`
 */
export function keepMask(layout: Layout, mask: Uint8Array, who: string): Uint8Array {
  const { height, width } = layout.scales.at(-1)!;
  checkMask(mask, { height, width }, who);
  const keep_L = new Uint8Array(layout.length);
  for (const scale of layout.scales) {
    const area = scale.height * scale.width;
    if (area <= 3) {
      keep_L.fill(1, scale.start, scale.start + area);
      continue;
    }
    const rows = taps(height, scale.height);
    const columns = taps(width, scale.width);
    for (let i = 0; i < area; i++) {
      const row = rows[Math.floor(i / scale.width)]!;
      const column = columns[i % scale.width]!;
      const at = (y: number): number => mix(column, (x) => (mask[y * width + x] ? 1 : 0));
      keep_L[scale.start + i] = mix(row, at) > 0.5 ? 1 : 0;
    }
  }
  return keep_L;
}

interface Taps {
  readonly near: number;
  readonly far: number;
  /** Share of `far`. */
  readonly share: number;
}

/**
 * Two neighbours of each target position. The ratio is rounded to float32 as PyTorch has it: it decides where a position
 * falls half way between two entries.
 */
function taps(from: number, to: number): readonly Taps[] {
  const ratio = Math.fround(from / to);
  return Array.from({ length: to }, (_, i) => {
    const centre = Math.max(0, ratio * (i + 0.5) - 0.5);
    const near = Math.min(Math.floor(centre), from - 1);
    return { near, far: Math.min(near + 1, from - 1), share: centre - near };
  });
}

function mix({ near, far, share }: Taps, at: (i: number) => number): number {
  return (1 - share) * at(near) + share * at(far);
}
