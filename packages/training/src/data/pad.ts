import { TesseraError } from '@tessera/errors';

/** Centres images of `[count, height, width]` bytes on a black square of `size` pixels a side. */
export function padToSquare(
  pixels: Uint8Array,
  { height, width, size, who }: { height: number; width: number; size: number; who: string },
): Uint8Array {
  if (height > size || width > size) {
    const got = `images of ${height} x ${width} pixels`;
    const next = 'Choose a larger size in the recipe.';
    throw new TesseraError({ code: 'image-too-large', who, got, expected: `at most ${size} x ${size}`, next });
  }
  const count = pixels.length / (height * width);
  const out = new Uint8Array(count * size * size);
  const top = (size - height) >> 1;
  const left = (size - width) >> 1;
  for (let n = 0; n < count; n++) {
    for (let y = 0; y < height; y++) {
      const from = (n * height + y) * width;
      out.set(pixels.subarray(from, from + width), (n * size + top + y) * size + left);
    }
  }
  return out;
}
