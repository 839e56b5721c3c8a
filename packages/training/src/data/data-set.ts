import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ImageSize } from '@tessera/features';
import type { Progress } from '@tessera/progress';

export type { ImageSize };

/** Some images, read by index. The label of an unlabelled image is -1. */
export interface Split {
  readonly count: number;
  readonly label_N: Int32Array;
  /** `[indices.length, height, width, channels]` row-major, in [0, 1]. */
  read(indices: Int32Array): Promise<Float32Array>;
  /** JSON that conditions other than classes read: for every image one or more that say the same of it. */
  readonly inputs?: readonly (readonly unknown[])[];
  /** `[N, attributes]`: index of the value of each attribute, -1 where it does not apply. For data whose attributes are known. */
  readonly attribute_NA?: Int32Array;
  /** SHA-256 of the pixels of all images in their order, in hexadecimal digits. Files that depend on the images record it. */
  digest(): Promise<string>;
}

/** Something that is known of every image of a class besides the class: the glasses of an avatar. */
export interface Attribute {
  /** Begins with its class and a point: `pixel-art.glasses`. */
  readonly name: string;
  readonly values: readonly string[];
  /** The class whose images have it. */
  readonly label: number;
}

/** Shows the progress of some work with a name, by steps of a total. */
export type ShowProgress = (label: string) => (total: number) => Progress;

/** Images of one size, in the three splits that training and evaluation need. */
export interface DataSet {
  readonly name: string;
  /** Names of the classes in the order of their labels; empty for unlabelled data. */
  readonly classes: readonly string[];
  readonly image: ImageSize;
  /** What is known of the images besides their classes; the columns of `attribute_NA`. */
  readonly attributes?: readonly Attribute[];
  /** For each of these, what the inputs say of each value: a word that others may share; null where they do not say it. */
  readonly said?: readonly (readonly (string | null)[])[];
  readonly train: Split;
  /** Never trained on. Validation losses are measured on it. */
  readonly validation: Split;
  /** Never trained on and never used for choices. The final figures are measured on it. */
  readonly test: Split;
  /** A summary of the source in words: `1,204 images of 3 classes; skipped 12: 9 .heic, 3 empty`. */
  readonly found?: string;
  /** How many entries of a folder were skipped, by kind. */
  readonly skipped?: Readonly<Record<string, number>>;
}

/** Images as bytes in memory: a quarter of what floats would need. */
export interface ByteImages {
  /** `[N, height, width, channels]`, 0 to 255. */
  readonly pixels: Uint8Array;
  readonly label_N: Int32Array;
  readonly image: ImageSize;
  readonly inputs?: Split['inputs'];
  readonly attribute_NA?: Int32Array;
}

/** A split over `members` of these images, or over all of them. Pixels are shared, not copied. */
export function byteSplit({ pixels, label_N, image, inputs, attribute_NA }: ByteImages, members?: Int32Array): Split {
  const size = image.height * image.width * image.channels;
  const of = members ?? Int32Array.from(label_N.keys());
  return {
    count: of.length,
    label_N: of.map((member) => label_N[member]!),
    ...(inputs && { inputs: Array.from(of, (member) => inputs[member]!) }),
    ...(attribute_NA && { attribute_NA: rowsOf(attribute_NA, attribute_NA.length / label_N.length, of) }),
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

function rowsOf(table: Int32Array, columns: number, members: Int32Array): Int32Array {
  const rows = new Int32Array(members.length * columns);
  for (const [row, member] of members.entries()) {
    rows.set(table.subarray(member * columns, (member + 1) * columns), row * columns);
  }
  return rows;
}

/** Images that are hashed before the event loop gets a turn. */
const PER_TURN = 1000;
