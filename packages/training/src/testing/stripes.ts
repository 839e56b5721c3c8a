import { byteSplit, type DataSet } from '../data/data-set.ts';

/** Stripes, vertical or horizontal, of two widths: 8 x 8 pixels, two classes. Small enough to train in a test. */
export function stripes(count: number): DataSet {
  const image = { height: 8, width: 8, channels: 1 };
  const label_N = Int32Array.from({ length: count }, (_, n) => n % 2);
  const pixels = new Uint8Array(count * 64);
  for (let n = 0; n < count; n++) {
    const period = 2 + 2 * (Math.floor(n / 2) % 2);
    for (let i = 0; i < 64; i++) {
      const along = n % 2 === 0 ? i % 8 : Math.floor(i / 8);
      pixels[64 * n + i] = (along + n) % period < period / 2 ? 230 : 20;
    }
  }
  const split = byteSplit({ pixels, label_N, image });
  return { name: 'stripes', classes: ['vertical', 'horizontal'], image, train: split, validation: split, test: split };
}
