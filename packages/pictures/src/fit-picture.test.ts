import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { fitBytes, keepPicture, openOwnPicture, openPicture, pictureSuffixes, prepareEdit } from './index.ts';

interface Seen {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** The file, in base 64. */
  readonly file: string;
  /** What Pillow 13 sees: upright (`exif_transpose`), sRGB (`ImageCms`), on white. Left out where it cannot be known. */
  readonly rgb?: readonly number[];
  /** `convert('L')` of it. */
  readonly gray: readonly number[];
  /** Levels that blending, profiles and JPEG are rounded by. */
  readonly tolerance?: number;
}

const files = JSON.parse(readFileSync(new URL('../fixtures/pillow.json', import.meta.url), 'utf8')) as Seen[];
const fileOf = ({ file }: Seen) => Buffer.from(file, 'base64');
const named = (name: string) => files.find((one) => one.name === name)!;
const furthest = (a: ArrayLike<number>, b: readonly number[]) =>
  a.length === b.length ? Math.max(...b.map((value, i) => Math.abs(value - a[i]!))) : Infinity;

describe('a picture of any kind', () => {
  it.each(files.filter(({ rgb }) => rgb).map((one) => [one.name, one] as const))(
    'has the pixels that Pillow sees: %s',
    async (name, one) => {
      const { height, width, tolerance = 0 } = one;
      const picture = await openOwnPicture(fileOf(one), name);
      expect([picture.height, picture.width]).toEqual([height, width]);
      const rgb = await fitBytes(picture, { height, width, channels: 3 }, name);
      const gray = await fitBytes(picture, { height, width, channels: 1 }, name);
      expect(furthest(rgb, one.rgb!)).toBeLessThanOrEqual(tolerance);
      expect(furthest(gray, one.gray)).toBeLessThanOrEqual(tolerance);
    },
  );

  it.each(['rgb.png', 'rgba.png', 'rgb16.png', 'display-p3.png', 'orientation-5.webp', 'orientation-6.jfif'])(
    'is the same for training, for an edit, and after an upload: %s',
    async (name) => {
      const bytes = fileOf(named(name));
      const { height, width } = named(name);
      for (const channels of [1, 3]) {
        const size = { height, width, channels };
        const trained = await fitBytes(await openOwnPicture(bytes, name), size, name);
        const uploaded = await openPicture((await keepPicture(bytes, name)).png, name);
        for (const image of [await openPicture(bytes, name), uploaded]) {
          const edit = await prepareEdit({ image, box: [0, 0, 1, 1] }, size, name);
          if (!image.alpha)
            expect(edit.image.data.map((value) => Math.round(255 * value))).toEqual(Float32Array.from(trained));
        }
        expect(await fitBytes(uploaded, size, name)).toEqual(trained);
      }
    },
  );

  it('is scaled alike as JPEG and as PNG', async () => {
    const raw = { width: 640, height: 480, channels: 3 } as const;
    const pixels = Uint8Array.from(
      { length: 640 * 480 * 3 },
      (_, i) => 128 + 127 * Math.sin(i / 97) * Math.cos(i / 30011),
    );
    const jpeg = await sharp(pixels, { raw }).jpeg({ quality: 95 }).toBuffer();
    const png = await sharp(jpeg).png().toBuffer();
    const size = { height: 32, width: 32, channels: 3 };
    const [one, other] = [jpeg, png].map(async (bytes) => fitBytes(await openOwnPicture(bytes, 'test'), size, 'test'));
    expect(await one).toEqual(await other);
  });

  it.each([
    ['cut off', 'rgb24.bmp', (bytes: Buffer) => bytes.subarray(0, 80), /80 bytes of a bitmap of \d+/],
    ['without a header', 'rgb24.bmp', (bytes: Buffer) => bytes.subarray(0, 20), /without a whole header/],
    ['compressed', 'p8.bmp', (bytes: Buffer) => Buffer.from(bytes).fill(1, 30, 31), /a compressed bitmap/],
    [
      'of colours it has not',
      'p4.bmp',
      (bytes: Buffer) => Buffer.from(bytes).fill(1, 46, 47),
      /a colour that its palette/,
    ],
    ['of 7 bits', 'p8.bmp', (bytes: Buffer) => Buffer.from(bytes).fill(7, 28, 29), /7 bits/],
    ['without width', 'p8.bmp', (bytes: Buffer) => Buffer.from(bytes).fill(0, 18, 19), /0 x 3/],
  ])('is refused as a bitmap %s', async (_, name, damage, sentence) => {
    const opening = openOwnPicture(damage(fileOf(named(name))), name);
    await expect(opening).rejects.toMatchObject({ code: 'picture-broken', message: expect.stringMatching(sentence) });
  });

  it('is refused where it cannot be known what is white', async () => {
    const tiff = fileOf(named('floats.tiff'));
    await expect(openOwnPicture(tiff, 'floats.tif')).rejects.toMatchObject({ code: 'picture-depth' });
  });

  it('is known by the end of its name', () => {
    const suffixes = pictureSuffixes();
    for (const suffix of ['.png', '.jpg', '.jpeg', '.jfif', '.bmp', '.webp', '.gif', '.tif', '.tiff', '.avif']) {
      expect(suffixes).toContain(suffix);
    }
    expect(suffixes).not.toContain('.heic');
  });
});
