import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { encodePng, openPicture, prepareEdit, showKept, type Picture } from './index.ts';

type Value = (x: number, y: number) => readonly number[];

/** A picture file, pixel by pixel. */
async function picture(height: number, width: number, value: Value): Promise<Picture> {
  const all = Array.from({ length: height * width }, (_, i) => value(i % width, Math.floor(i / width)));
  const channels = all[0]!.length as 1 | 3 | 4;
  const raw = sharp(Uint8Array.from(all.flat()), { raw: { height, width, channels } });
  return openPicture(await raw.png().toBuffer(), 'test');
}

const size = { height: 4, width: 4, channels: 1 };
const ramp: Value = (x, y) => [16 * (4 * y + x)];
const bytesOf = ({ data }: { data: Float32Array }) => [...data].map((value) => Math.round(value * 255));
const rowsOf = (mask: Uint8Array) => Array.from({ length: 4 }, (_, y) => mask.subarray(4 * y, 4 * y + 4).join(''));

describe('a picture to edit', () => {
  it('keeps its bytes at its own size, through PNG and back', async () => {
    const { image, repaint } = await prepareEdit(
      { image: await picture(4, 4, ramp), box: [0, 0.5, 1, 1] },
      size,
      'test',
    );
    expect(bytesOf(image)).toEqual(Array.from({ length: 16 }, (_, i) => 16 * i));
    const again = await sharp(await encodePng(image))
      .toColourspace('b-w')
      .raw()
      .toBuffer();
    expect([...again]).toEqual(bytesOf(image));
    expect(rowsOf(repaint)).toEqual(['0000', '0000', '1111', '1111']);
    expect(bytesOf(showKept({ image, repaint })).slice(7, 9)).toEqual([112, 128]);
  });

  it('is scaled by its shorter edge, cut at its centre, and given the channels of the model', async () => {
    const wide = await picture(8, 24, (x) => (x < 8 || x >= 16 ? [255, 0, 0] : [40, 40, 40]));
    const gray = await prepareEdit({ image: wide, box: [0, 0, 1, 0.5] }, size, 'test');
    for (const byte of bytesOf(gray.image).slice(5, 7)) expect(Math.abs(byte - 40)).toBeLessThan(5);
    const colour = await prepareEdit(
      { image: await picture(4, 4, ramp), box: [0, 0, 1, 1] },
      { ...size, channels: 3 },
      'test',
    );
    expect(bytesOf(colour.image).slice(3, 9)).toEqual([16, 16, 16, 32, 32, 32]);
  });

  it.each([
    [{ box: [0.25, 0, 0.75, 0.5] }, ['0110', '0110', '0000', '0000']],
    [{ box: [0.25, 0, 0.75, 0.5], outside: true }, ['1001', '1001', '1111', '1111']],
    [{ box: [0.99, 0.99, 1, 1] }, ['0000', '0000', '0000', '0001']],
    [{ place: [0.5, 0, 1, 1] }, ['1100', '1100', '1100', '1100']],
  ] as const)('%j: which pixels are redrawn', async (region, rows) => {
    const { repaint } = await prepareEdit({ image: await picture(4, 4, ramp), ...region }, size, 'test');
    expect(rowsOf(repaint)).toEqual(rows);
  });

  it('is redrawn where a mask is white, which is cut as the picture is', async () => {
    const image = await picture(4, 8, () => [9, 9, 9]);
    const mask = await picture(8, 16, (x) => (x >= 8 ? [255] : [100]));
    expect(rowsOf((await prepareEdit({ image, mask }, size, 'test')).repaint)).toEqual(Array(4).fill('0011'));
    const square = await picture(2, 2, (x, y) => [255 * x * y]);
    const drawnOnTheCut = await prepareEdit({ image, mask: square }, size, 'test');
    expect(rowsOf(drawnOnTheCut.repaint)).toEqual(['0000', '0000', '0011', '0011']);
  });

  it('is redrawn where it is transparent, and its edges go on there', async () => {
    const image = await picture(4, 4, (x) => [0, 200, 0, x === 3 ? 0 : 255]);
    const colour = { ...size, channels: 3 };
    const cut = await prepareEdit({ image }, colour, 'test');
    expect(rowsOf(cut.repaint)).toEqual(Array(4).fill('0001'));
    expect(bytesOf(cut.image)).toEqual(Array(16).fill([0, 200, 0]).flat());
    const both = await prepareEdit({ image, box: [0, 0, 0.25, 1] }, colour, 'test');
    expect(rowsOf(both.repaint)).toEqual(Array(4).fill('1001'));
    const mask = await picture(4, 4, (x) => [x === 0 ? 255 : 0]);
    const masked = await prepareEdit({ image, mask }, colour, 'test');
    expect(rowsOf(masked.repaint)).toEqual(Array(4).fill('1000'));
    expect(bytesOf(masked.image).slice(9, 12)).toEqual([255, 255, 255]);
  });

  it('is shrunk into its place, and goes on from its edges outside', async () => {
    const image = await picture(2, 2, (x, y) => [100 * x + 50 * y]);
    const { image: placed, repaint } = await prepareEdit({ image, place: [0.25, 0.25, 0.75, 0.75] }, size, 'test');
    expect(rowsOf(repaint)).toEqual(['1111', '1001', '1001', '1111']);
    const row = (left: number) => [left, left, left + 100, left + 100];
    expect(bytesOf(placed)).toEqual([...row(0), ...row(0), ...row(50), ...row(50)]);
  });

  it.each([
    ['edit-region-twice', { box: [0, 0, 1, 1], place: [0, 0, 1, 1] }],
    ['edit-outside-alone', { outside: true }],
    ['edit-box-invalid', { box: [0, 0, 1] }],
    ['edit-box-invalid', { box: [0, 0, 1, 1.01] }],
    ['edit-box-invalid', { box: [0.5, 0, 0.5, 1] }],
    ['edit-box-invalid', { place: [NaN, 0, 1, 1] }],
    ['edit-repaints-nothing', {}],
    ['edit-repaints-nothing', { place: [0, 0, 1, 1] }],
    ['edit-repaints-nothing', { box: [0, 0, 1, 1], outside: true }],
  ] as const)('is refused with %s: %j', async (code, region) => {
    const image = await picture(4, 4, ramp);
    const error = await prepareEdit({ image, ...region }, size, 'test').catch((one: unknown) => one);
    expect(error).toMatchObject({
      code,
      message: expect.stringMatching(/^\[test\] got .+; expected .+\. .+\.$/) as string,
    });
  });

  it('is refused with a mask of another shape, and with one that is black', async () => {
    const image = await picture(4, 8, ramp);
    const refusal = async (mask: Picture) => prepareEdit({ image, mask }, size, 'test').catch((one: unknown) => one);
    expect(await refusal(await picture(8, 4, () => [255]))).toMatchObject({ code: 'edit-mask-shape' });
    expect(await refusal(await picture(4, 8, () => [0]))).toMatchObject({ code: 'edit-repaints-nothing' });
  });
});
