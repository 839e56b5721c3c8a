import { TesseraError } from '@tessera/errors';
import { schema, type Field, type Place } from './schema.ts';

/*
 * Pictures as JSON: the condition of an image may be one. The text is a data URL of a bitmap of 24 bits without compression,
 * which browsers show, and which is read without a decoder, so in every runtime alike. PNG, JPEG and WebP files become such
 * texts at the border (`@tessera/pictures`).
 */

export interface PictureSize {
  readonly height: number;
  readonly width: number;
  /** 1: gray; 3: red, green and blue. */
  readonly channels: number;
}

/** Pixels from 0 to 1, `[height, width, channels]` row-major from the upper left. */
export interface PictureValue extends PictureSize {
  readonly data: Float32Array;
}

/** The same in bytes. */
export interface PictureBytes extends PictureSize {
  readonly data: Uint8Array;
}

/** Numbers of one picture, at most: it is a part of its request. 295 x 295 pixels in colour have as many. */
export const mostOfPicture = 2 ** 18;

const START = 'data:image/bmp;base64,';
/** Of the headers of a bitmap: BITMAPFILEHEADER and BITMAPINFOHEADER. Source: Microsoft, "Bitmap Storage". */
const HEADER = 54;

/** Whether a text is a picture in the form that `pictureField` reads. */
export function isPictureText(text: string): boolean {
  return text.startsWith(START);
}

/** The text of a picture, as `pictureField` reads it. */
export function pictureText({ data, height, width, channels }: PictureBytes): string {
  const stride = strideOf(width);
  const bytes = new Uint8Array(HEADER + stride * height);
  const view = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  view.setUint32(2, bytes.length, true);
  view.setUint32(10, HEADER, true);
  view.setUint32(14, 40, true);
  view.setInt32(18, width, true);
  view.setInt32(22, height, true);
  view.setUint16(26, 1, true);
  view.setUint16(28, 24, true);
  view.setUint32(34, stride * height, true);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [from, to] = [(y * width + x) * channels, placeOf(x, y, { height, width })];
      for (let c = 0; c < 3; c++) bytes[to + 2 - c] = data[from + (channels === 1 ? 0 : c)]!;
    }
  }
  return START + btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

/**
 * A picture of this size, as a part of JSON.
 * @throws TesseraError `picture-size` where it has another size, or where this size is none; `field-missing`, `field-invalid`
 */
export function pictureField(size: PictureSize): Field<PictureValue> {
  const { height, width, channels } = size;
  const count = height * width * channels;
  if (!(count <= mostOfPicture) || (channels !== 1 && channels !== 3)) {
    const got = `pictures of ${width} x ${height} pixels with ${channels} channels`;
    const expected = `1 or 3 channels, and at most ${mostOfPicture} numbers in all`;
    throw new TesseraError({ code: 'picture-size', who: 'pictureField', got, expected, next: 'Ask for smaller ones.' });
  }
  const read = (value: unknown, place: Place): PictureValue => {
    if (typeof value !== 'string') throw noPicture(value, place, size);
    const bytes = bytesOf(value);
    if (bytes === null) throw noPicture(value, place, size);
    const view = new DataView(bytes.buffer);
    const found = { width: view.getInt32(18, true), height: view.getInt32(22, true) };
    if (found.width !== width || found.height !== height) throw wrongSize(found, size, place);
    if (bytes.length !== HEADER + strideOf(width) * height) throw noPicture(value, place, size);
    const data = new Float32Array(count);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const [to, from] = [(y * width + x) * channels, placeOf(x, y, size)];
        for (let c = 0; c < channels; c++) data[to + c] = bytes[from + 2 - c]! / 255;
      }
    }
    return { data, height, width, channels };
  };
  return schema.field(read, { type: 'string', picture: { height, width, channels } });
}

/** A picture that has another size than is due. */
export function wrongSize(
  found: Omit<PictureSize, 'channels'>,
  { height, width }: PictureSize,
  { who, path }: Place,
): TesseraError {
  return new TesseraError({
    code: 'picture-size',
    who,
    got: `a picture of ${found.width} x ${found.height} pixels`,
    expected: `${width} x ${height} pixels`,
    next: 'Scale the picture to that size first.',
    field: stepsOf(path),
  });
}

function noPicture(value: unknown, { who, path }: Place, { height, width }: PictureSize): TesseraError {
  const isMissing = value === undefined;
  const shown = (JSON.stringify(value) ?? String(value)).slice(0, 60);
  return new TesseraError({
    code: isMissing ? 'field-missing' : 'field-invalid',
    who,
    got: isMissing ? `no ${path || 'picture'}` : `${path || 'the picture'} = ${shown}`,
    expected: `a picture of ${width} x ${height} pixels`,
    next: 'Name a PNG, JPEG or WebP file, or the id of an uploaded picture.',
    field: stepsOf(path),
  });
}

function stepsOf(path: string): string[] {
  return path.split(/[.[\]]+/).filter(Boolean);
}

/** The bytes of a bitmap of 24 bits; null for anything else. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> | null {
  if (!isPictureText(text)) return null;
  try {
    const bytes = Uint8Array.from(atob(text.slice(START.length)), (char) => char.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    const isPlain = bytes[0] === 0x42 && bytes[1] === 0x4d && view.getUint32(10, true) === HEADER;
    return isPlain && view.getUint16(28, true) === 24 && view.getUint32(30, true) === 0 ? bytes : null;
  } catch {
    return null; // no base64, or too short for a header
  }
}

/** Rows are filled up to whole words. */
function strideOf(width: number): number {
  return Math.ceil((3 * width) / 4) * 4;
}

/** Where a pixel lies in the file: rows come from the bottom. */
function placeOf(x: number, y: number, { height, width }: Omit<PictureSize, 'channels'>): number {
  return HEADER + (height - 1 - y) * strideOf(width) + 3 * x;
}
