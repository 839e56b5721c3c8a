import { join } from 'node:path';
import { pairRows, splitImages, writeGrid } from '../report/picture.ts';
import type { Room } from './room.ts';

const COLUMNS = 8;

/** Rows of images, each above what the tokenizer makes of them after so many steps. */
export async function drawReconstructions(
  { data, out }: Pick<Room, 'data' | 'out'>,
  { real, made }: { readonly real: Float32Array; readonly made: Float32Array },
  steps: number,
): Promise<void> {
  const rows = pairRows(splitImages(real, data.image), splitImages(made, data.image), COLUMNS);
  const name = `tokenizer-${String(steps).padStart(6, '0')}.png`;
  await writeGrid(join(out, 'pictures', name), rows, { columns: COLUMNS });
}
