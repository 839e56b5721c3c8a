import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openCheckpoint, writeSafetensors } from '@tessera/checkpoints';
import { TesseraError } from '@tessera/errors';
import { cacheFolder } from '@tessera/node-kit';
import type { ImageSize } from './data-set.ts';

/** Pictures with their labels and what is known of them, as bytes in memory. */
export interface Pictures {
  /** `[N, height, width, channels]`, 0 to 255. */
  readonly pixels: Uint8Array;
  readonly label_N: Int32Array;
  /** Index of the value of each attribute; -1 where the attribute does not apply. */
  readonly attribute_NA?: Int32Array;
}

interface Making {
  readonly image: ImageSize;
  /** Everything that the pictures depend on. */
  readonly madeOf: string;
  make(): Promise<Pictures>;
}

/**
 * Pictures of an earlier run from the user's cache, or made and kept there: one file for each `madeOf`, named by its digest. A
 * damaged file is made again.
 */
export async function cachedPictures(kind: string, { image, madeOf, make }: Making): Promise<Pictures> {
  const folder = join(cacheFolder(), 'data');
  const path = join(folder, `${kind}-${sha256(Buffer.from(madeOf)).slice(0, 16)}.safetensors`);
  const kept = existsSync(path) ? await readPictures(path, madeOf) : null;
  if (kept) return kept;
  const pictures = await make();
  await mkdir(folder, { recursive: true });
  const { pixels, label_N, attribute_NA } = pictures;
  const count = label_N.length;
  const ints = (values: Int32Array) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const tensors = [
    {
      name: 'pixels',
      dtype: 'uint8' as const,
      shape: [count, image.height, image.width, image.channels],
      bytes: () => pixels,
    },
    { name: 'label', dtype: 'int32' as const, shape: [count], bytes: () => ints(label_N) },
    ...(attribute_NA
      ? [
          {
            name: 'attribute',
            dtype: 'int32' as const,
            shape: [count, attribute_NA.length / count],
            bytes: () => ints(attribute_NA),
          },
        ]
      : []),
  ];
  await writeSafetensors(path, tensors, { madeOf, sha256: digestOf(pictures) });
  return pictures;
}

/** Null for a file that is damaged, or made of something else. */
async function readPictures(path: string, madeOf: string): Promise<Pictures | null> {
  try {
    const file = await openCheckpoint(path);
    try {
      const read = async (name: string) => new Int32Array((await file.read(name)).buffer);
      const pictures: Pictures = {
        pixels: await file.read('pixels'),
        label_N: await read('label'),
        ...(file.tensors.has('attribute') && { attribute_NA: await read('attribute') }),
      };
      const same = file.values.get('madeOf') === madeOf && file.values.get('sha256') === digestOf(pictures);
      return same ? pictures : null;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof TesseraError) return null;
    throw error;
  }
}

function digestOf({ pixels, label_N, attribute_NA }: Pictures): string {
  const hash = createHash('sha256').update(pixels).update(label_N);
  return (attribute_NA ? hash.update(attribute_NA) : hash).digest('hex');
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
