import type { ImageSize } from '@tessera/features';

/** Images to measure, in one pass or several. */
export interface ImageSource {
  /** Where they come from, for reports and errors. */
  readonly name: string;
  readonly count: number;
  readonly image: ImageSize;
  /** The class that each image should show, -1 for none; null where no class is known. */
  readonly label_N: Int32Array | null;
  /** `[n, height, width, channels]` row-major, 0 to 255, at most `size` images at a time, from the first. */
  batches(size: number): AsyncIterable<Uint8Array>;
}

/** Images in memory, as bytes. */
export interface ByteImages extends Pick<ImageSource, 'name' | 'image' | 'label_N'> {
  readonly pixels: Uint8Array;
}

/** Number of bytes of one image. */
export function bytesPerImage({ height, width, channels }: ImageSize): number {
  return height * width * channels;
}

/** Images in memory as a source. */
export function byteSource({ name, image, label_N, pixels }: ByteImages): ImageSource {
  const bytes = bytesPerImage(image);
  return {
    name,
    image,
    label_N,
    count: pixels.length / bytes,
    async *batches(size) {
      for (let start = 0; start < pixels.length; start += size * bytes)
        yield pixels.subarray(start, start + size * bytes);
    },
  };
}

/** Values in [0, 1] as bytes, rounded as every PNG writer and evaluator does. */
export function toBytes(values: Float32Array): Uint8Array {
  return Uint8Array.from(values, (value) => Math.round(255 * Math.min(1, Math.max(0, value))));
}

/** `32 x 32 x 3`. */
export function sizeWords({ height, width, channels }: ImageSize): string {
  return `${height} x ${width} x ${channels}`;
}
