import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ImageSize, Split } from './data-set.ts';

/** Images as bytes in memory: a quarter of what floats would need. */
export interface ByteImages {
  /** `[N, height, width, channels]`, 0 to 255. */
  readonly pixels: Uint8Array;
  readonly label_N: Int32Array;
  readonly image: ImageSize;
}

/** A split over `members` of these images, or over all of them. Pixels are shared, not copied. */
export function byteSplit({ pixels, label_N, image }: ByteImages, members?: Int32Array): Split {
  const size = image.height * image.width * image.channels;
  const of = members ?? Int32Array.from(label_N.keys());
  return {
    count: of.length,
    label_N: of.map((member) => label_N[member]!),
    read: async (indices) => {
      const out = new Float32Array(indices.length * size);
      for (const [slot, index] of indices.entries()) {
        if (index < 0 || index >= of.length) throw new RangeError(`image ${index} of a split of ${of.length}`);
        const from = of[index]! * size;
        for (let i = 0; i < size; i++) out[slot * size + i] = pixels[from + i]! / 255;
      }
      return out;
    },
    digest: async () => {
      const hash = createHash('sha256').update(`${image.height} ${image.width} ${image.channels} ${of.length} `);
      for (const [n, member] of of.entries()) {
        hash.update(pixels.subarray(member * size, (member + 1) * size));
        if (n % PER_TURN === PER_TURN - 1) await nextTurn();
      }
      return hash.digest('hex');
    },
  };
}

/** Images hashed before others have their turn. */
const PER_TURN = 1000;
