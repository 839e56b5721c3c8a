import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { stripes } from './stripes.ts';

/** Images of both classes as files, one folder a class. */
export async function writeStripes(path: string, count: number): Promise<void> {
  const { train, classes } = stripes(count);
  for (const name of classes) await mkdir(join(path, name), { recursive: true });
  for (let n = 0; n < count; n++) {
    const pixels = Uint8Array.from(await train.read(Int32Array.of(n)), (value) => Math.round(value * 255));
    const raw = { width: 8, height: 8, channels: 1 as const };
    await sharp(pixels, { raw })
      .png()
      .toFile(join(path, classes[train.label_N[n]!]!, `${n}.png`));
  }
}
