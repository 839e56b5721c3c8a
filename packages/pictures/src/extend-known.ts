import type { Pixels } from '@tessera/core';

/**
 * The picture with every unknown pixel (1 in `unknown`) painted like the known one nearest to it, counted along rows and
 * columns: edges go on outward. A tokenizer then sees no hard border where nothing is known.
 */
export function extendKnown(picture: Pixels, unknown: Uint8Array): Pixels {
  const { height, width, channels } = picture;
  const data = picture.data.slice();
  const known = Uint8Array.from(unknown, (one) => (one ? 0 : 1));
  const queue: number[] = [];
  for (const [pixel, is] of known.entries()) if (is) queue.push(pixel);
  // Breadth first: whoever reaches a pixel first is nearest.
  for (let at = 0; at < queue.length; at++) {
    const from = queue[at]!;
    const x = from % width;
    const neighbours = [x > 0 && from - 1, x < width - 1 && from + 1, from - width, from + width];
    for (const to of neighbours) {
      if (to === false || to < 0 || to >= height * width || known[to]) continue;
      known[to] = 1;
      data.copyWithin(to * channels, from * channels, (from + 1) * channels);
      queue.push(to);
    }
  }
  return { ...picture, data };
}
