import { TesseraError } from '@tessera/errors';
import { pictureField, schema } from '@tessera/schema';
import { describe, expect, it } from 'vitest';
import { encodePng } from './png.ts';
import { readPictures, type PictureSource } from './read-pictures.ts';

const size = { height: 2, width: 2, channels: 3 };
const data = Float32Array.from({ length: 12 }, (_, i) => i / 20);
const field = pictureField(size);
const { json } = schema.object({ picture: field, more: schema.object({ inner: field, text: schema.string() }) });

function from(files: Readonly<Record<string, Uint8Array>>): PictureSource & { readonly opened: string[] } {
  const opened: string[] = [];
  const open = async (name: string) => {
    opened.push(name);
    if (files[name]) return { bytes: files[name], who: name };
    throw new TesseraError({ code: 'picture-missing', who: name, got: 'no file', expected: 'a picture' });
  };
  return { json, who: 'a request', open, opened };
}

const asked = (input: unknown) => ({ condition: { kind: 'input', input } }) as const;

describe('readPictures', () => {
  it('puts the pixels in the place of the name, at any depth, and opens each file once', async () => {
    const png = await encodePng({ ...size, data });
    const source = from({ 'low.png': png });
    const embedded = `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
    const given = [
      { ...asked({ picture: 'low.png', more: { inner: 'low.png', text: 'low.png' } }), seed: 7 },
      asked({ picture: embedded }),
      { condition: { kind: 'none' } as const },
    ];
    const [first, second, third] = await readPictures(given, source);
    const { picture, more } = (first!.condition as { input: { picture: string; more: Record<string, string> } }).input;
    const read = field.parse(picture, 'test');
    expect([...read.data]).toEqual([...data].map((value) => Math.fround(Math.round(value * 255) / 255)));
    expect(more).toEqual({ inner: picture, text: 'low.png' });
    expect(first!.seed).toBe(7);
    expect(second!.condition).toEqual({ kind: 'input', input: { picture } });
    expect(third).toEqual(given[2]);
    expect(source.opened).toHaveLength(1);
    // A request that has been read once, as that of a retry, is not changed.
    expect(await readPictures([first!], from({}))).toEqual([first]);
  });

  it('refuses a picture of another size with its place, a file that is none, and a name that is none', async () => {
    const large = await encodePng({ height: 4, width: 2, channels: 3, data: new Float32Array(24) });
    const source = from({ 'large.png': large, 'text.txt': Buffer.from('a red hat') });
    const refusal = async (input: unknown) => {
      const error = await readPictures([asked(input)], source).catch((thrown: unknown) => thrown as TesseraError);
      return error instanceof TesseraError
        ? { code: error.code, field: error.parts?.field, said: error.message }
        : null;
    };
    expect(await refusal({ more: { inner: 'large.png' } })).toMatchObject({
      code: 'picture-size',
      field: ['more', 'inner'],
      said: expect.stringContaining('[large.png] got a picture of 2 x 4 pixels; expected 2 x 2 pixels'),
    });
    expect(await refusal({ picture: 'text.txt' })).toMatchObject({ code: 'picture-format', field: ['picture'] });
    expect(await refusal({ picture: 'a red hat' })).toMatchObject({ code: 'picture-missing' });
    expect(await refusal({ picture: 3 })).toBeNull();
  });
});
