import { pictureField } from '@tessera/schema';
import { describe, expect, it } from 'vitest';
import { byteSplit, type DataSet } from './data-set.ts';
import { withPictures } from './low-pictures.ts';

const image = { height: 2, width: 4, channels: 1 };
/** Two images of 4 x 2 pixels: a rising one, and one of which the right half is white. */
const pixels = Uint8Array.of(0, 10, 20, 30, 40, 50, 60, 70, 0, 0, 255, 255, 0, 0, 255, 255);

function data(inputs?: readonly (readonly unknown[])[]): DataSet {
  const label_N = Int32Array.of(0, 0);
  const split = byteSplit({ pixels, label_N, image, ...(inputs && { inputs }) });
  return {
    name: 'two',
    classes: ['a'],
    image,
    train: split,
    validation: split,
    test: byteSplit({ pixels, label_N, image }, Int32Array.of(1)),
  };
}

const field = pictureField({ height: 1, width: 2, channels: 1 });
const bytesOf = (input: unknown) =>
  Array.from(field.parse((input as { picture: unknown }).picture, 'test').data, (value) => Math.round(value * 255));

describe('withPictures', () => {
  it('tells of every image the mean of the pixels under each pixel of its picture', async () => {
    const { train, test } = await withPictures(data(), { side: 1, varied: false });
    expect(train.inputs!.map(([input]) => bytesOf(input))).toEqual([
      [25, 45],
      [0, 255],
    ]);
    expect(test.inputs!.map(([input]) => bytesOf(input))).toEqual([[0, 255]]);
    expect([...(await train.read(Int32Array.of(1)))]).toEqual([0, 0, 1, 1, 0, 0, 1, 1]);
  });

  it('keeps what else is told of an image', async () => {
    const told = data([[{ text: 'a' }, { text: 'b' }], [{ text: 'c' }]]);
    const { train } = await withPictures(told, { side: 1, varied: false });
    expect(train.inputs![0]).toHaveLength(2);
    expect(train.inputs![0]![1]).toMatchObject({ text: 'b', picture: expect.any(String) });
  });

  it.each([
    [{ side: 3, varied: false }, 'side 3 for images of 4 x 2 pixels'],
    [{ side: 1, varied: true }, 'data.picture beside data.flips or data.copies'],
  ])('is refused for %j', async (how, said) => {
    await expect(withPictures(data(), how)).rejects.toThrow(said);
  });
});
