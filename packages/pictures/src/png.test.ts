import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { encodePng, enlarge, tile } from './index.ts';

const gray = (value: number) => ({ data: new Float32Array(4).fill(value), height: 2, width: 2, channels: 1 });

const rawBytes = (png: Buffer, channels: number) =>
  sharp(png)
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .raw()
    .toBuffer();

describe('pictures', () => {
  it.each([1, 3])('writes %i channels and reads them back', async (channels) => {
    const data = Float32Array.from({ length: 6 * channels }, (_, i) => i / (6 * channels));
    const png = await encodePng({ data, height: 2, width: 3, channels });
    const { height, width, channels: stored } = await sharp(png).metadata();
    expect([height, width, stored]).toEqual([2, 3, channels]);
    expect([...(await rawBytes(png, channels))]).toEqual([...data].map((value) => Math.round(value * 255)));
  });

  it('clamps, and refuses what is not a number', async () => {
    expect([...(await rawBytes(await encodePng(gray(7)), 1))]).toEqual([255, 255, 255, 255]);
    await expect(encodePng(gray(Number.NaN))).rejects.toMatchObject({ code: 'picture-not-finite' });
  });

  it('tiles in rows with gaps', () => {
    const sheet = tile([gray(1), gray(0), gray(1)], { columns: 2, gap: 1, ground: 0.5 });
    expect([sheet.height, sheet.width]).toEqual([7, 7]);
    expect([sheet.data[8], sheet.data[11], sheet.data[4 * 7 + 1], sheet.data[4 * 7 + 4]]).toEqual([1, 0, 1, 0.5]);
    expect(() => tile([], { columns: 2 })).toThrowError(/at least one image/);
  });

  it('enlarges by repeating pixels', () => {
    const large = enlarge({ data: Float32Array.of(0, 1), height: 1, width: 2, channels: 1 }, 2, 4);
    expect([...large.data]).toEqual([0, 0, 1, 1, 0, 0, 1, 1]);
  });
});
