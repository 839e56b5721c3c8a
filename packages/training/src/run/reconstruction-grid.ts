import { join } from 'node:path';
import { splitImages, writePairs } from '../report/picture.ts';
import type { Room } from './room.ts';

const COLUMNS = 8;

/** Rows of images, each above what the tokenizer makes of them after so many steps. */
export async function drawReconstructions(
  { data, out }: Pick<Room, 'data' | 'out'>,
  { real, made }: { readonly real: Float32Array; readonly made: Float32Array },
  steps: number,
): Promise<void> {
  const pairs = [splitImages(real, data.image), splitImages(made, data.image)] as const;
  await writePairs(join(out, 'pictures', reconstructionName(steps)), pairs, COLUMNS);
}

/** The file of what a tokenizer made of images after so many steps. */
export function reconstructionName(steps: number): string {
  return `tokenizer-${String(steps).padStart(6, '0')}.png`;
}
