import { describe, expect, it } from 'vitest';
import { pictureField, pictureText } from './picture.ts';
import { schema } from './schema.ts';

const data = Uint8Array.from({ length: 3 * 2 * 3 }, (_, i) => 10 * i);
const colour = pictureText({ data, height: 2, width: 3, channels: 3 });
const gray = pictureText({ data: data.subarray(0, 6), height: 2, width: 3, channels: 1 });

describe('pictureField', () => {
  it.each([
    [3, colour, data],
    [1, gray, data.subarray(0, 6)],
  ])('reads what pictureText has written, with %i channels', (channels, text, bytes) => {
    const read = pictureField({ height: 2, width: 3, channels }).parse(text, 'test');
    expect(read).toMatchObject({ height: 2, width: 3, channels });
    expect([...read.data].map((value) => Math.round(value * 255))).toEqual([...bytes]);
  });

  it('takes the luminance of gray pictures from bytes that are equal in all channels', () => {
    const read = pictureField({ height: 2, width: 3, channels: 3 }).parse(gray, 'test');
    expect([...read.data.subarray(3, 6)]).toEqual([10 / 255, 10 / 255, 10 / 255].map(Math.fround));
  });

  it('says in its JSON Schema which pictures it takes', () => {
    const { json } = pictureField({ height: 2, width: 3, channels: 1 });
    expect(json).toEqual({ type: 'string', picture: { height: 2, width: 3, channels: 1 } });
  });

  const input = schema.object({ picture: pictureField({ height: 4, width: 4, channels: 3 }) });
  it.each([
    [{}, 'field-missing', 'no picture; expected a picture of 4 x 4 pixels'],
    [{ picture: 'a red hat' }, 'field-invalid', 'picture = "a red hat"; expected a picture of 4 x 4 pixels'],
    [{ picture: 3 }, 'field-invalid', 'picture = 3; expected a picture'],
    [{ picture: 'data:image/bmp;base64,AAAA' }, 'field-invalid', 'expected a picture'],
    [{ picture: 'data:image/bmp;base64,*' }, 'field-invalid', 'expected a picture'],
    [{ picture: colour }, 'picture-size', 'a picture of 3 x 2 pixels; expected 4 x 4 pixels'],
  ])('refuses %j', (value, code, said) => {
    const read = () => input.parse(value, 'a model');
    expect(read).toThrow(expect.objectContaining({ code, message: expect.stringContaining(said) }));
  });

  it('refuses a bitmap of the right size that is cut off', () => {
    const cut = pictureText({ data, height: 2, width: 3, channels: 3 }).slice(0, -8);
    expect(() => pictureField({ height: 2, width: 3, channels: 3 }).parse(cut, 'a model')).toThrow(
      'expected a picture',
    );
  });

  it.each([
    [{ height: 1024, width: 1024, channels: 3 }],
    [{ height: 2, width: 2, channels: 4 }],
    [{ height: Number.NaN, width: 2, channels: 3 }],
  ])('is not made for %j', (size) => {
    expect(() => pictureField(size)).toThrow(expect.objectContaining({ code: 'picture-size' }));
  });
});
