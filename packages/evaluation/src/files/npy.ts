import { TesseraError } from '@tessera/errors';

/** Number types that the files of evaluators have. */
const ITEM_TYPES = {
  '|u1': { bytes: 1, view: (bytes: ArrayBuffer) => new Uint8Array(bytes) },
  '<i4': { bytes: 4, view: (bytes: ArrayBuffer) => new Int32Array(bytes) },
  '<i8': { bytes: 8, view: (bytes: ArrayBuffer) => Float64Array.from(new BigInt64Array(bytes), Number) },
  '<f4': { bytes: 4, view: (bytes: ArrayBuffer) => new Float32Array(bytes) },
  '<f8': { bytes: 8, view: (bytes: ArrayBuffer) => new Float64Array(bytes) },
} as const;

export type ItemType = keyof typeof ITEM_TYPES;
export type Numbers = Uint8Array | Int32Array | Float32Array | Float64Array;

/** What the header of a `.npy` file says. */
export interface ArrayHeader {
  readonly type: ItemType;
  readonly shape: readonly number[];
  /** Where the numbers begin. */
  readonly start: number;
}

/** Bytes that decide how long the header is. */
const PREAMBLE = 12;
/** No header is longer: it is one line. */
const LONGEST = 1 << 16;

/** Length of the whole header, from the first twelve bytes. @throws TesseraError `npy-malformed` */
export function headerLength(first: Uint8Array, who: string): number {
  const isNumpy =
    first.length === PREAMBLE && Buffer.from(first.subarray(0, 6)).equals(Buffer.from('\x93NUMPY', 'latin1'));
  if (!isNumpy) throw malformed(who, 'bytes that are no array of NumPy');
  const view = new DataView(first.buffer, first.byteOffset, PREAMBLE);
  const length = first[6] === 1 ? 10 + view.getUint16(8, true) : 12 + view.getUint32(8, true);
  if (length > LONGEST) throw malformed(who, `a header of ${length} bytes`);
  return length;
}

/**
 * Reads a header: a Python dictionary in text, of which only the three known entries are matched. Nothing is evaluated.
 * @throws TesseraError `npy-malformed`, `npy-type`
 */
export function readHeader(bytes: Uint8Array, who: string): ArrayHeader {
  const text = Buffer.from(bytes.subarray(bytes[6] === 1 ? 10 : 12)).toString('latin1');
  const [, type] = /'descr'\s*:\s*'([^']*)'/.exec(text) ?? [];
  const [, fortran] = /'fortran_order'\s*:\s*(True|False)/.exec(text) ?? [];
  const [, shapeText] = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(text) ?? [];
  if (fortran === undefined || shapeText === undefined) throw malformed(who, 'a header without type, order and shape');
  const shape = shapeText.split(',').flatMap((word) => (word.trim() === '' ? [] : [Number(word)]));
  if (type === undefined || !Object.hasOwn(ITEM_TYPES, type)) throw otherType(who, type ?? 'a structured type');
  if (fortran === 'True' && shape.length > 1) throw otherType(who, 'Fortran order');
  if (!Number.isSafeInteger(sizeOf(shape))) throw malformed(who, `the shape ${shapeText}`);
  return { type: type as ItemType, shape, start: bytes.length };
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}

/** Bytes of all numbers. */
export function byteLength({ type, shape }: Pick<ArrayHeader, 'type' | 'shape'>): number {
  return sizeOf(shape) * ITEM_TYPES[type].bytes;
}

/** The numbers of these bytes, which are copied. */
export function numbersOf(bytes: Uint8Array, type: ItemType): Numbers {
  return ITEM_TYPES[type].view(bytes.slice().buffer);
}

/** The header of an array, as NumPy writes it: its length is a multiple of 64. */
export function writeHeader({ type, shape }: Pick<ArrayHeader, 'type' | 'shape'>): Buffer {
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': (${tuple}), }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const start = Buffer.from('\x93NUMPY\x01\x00\x00\x00', 'latin1');
  start.writeUInt16LE(length, 8);
  return Buffer.concat([start, Buffer.from(`${text.padEnd(length - 1)}\n`, 'latin1')]);
}

function otherType(who: string, got: string): TesseraError {
  const objects = got === '|O' ? 'Python objects, which are never executed' : `numbers of type ${got}`;
  return new TesseraError({
    code: 'npy-type',
    who,
    got: got === 'Fortran order' ? 'an array in Fortran order' : objects,
    expected: `a C-ordered array of ${Object.keys(ITEM_TYPES).join(', ')}`,
    next: 'Save it again with numpy.savez(file, name=numpy.ascontiguousarray(array)).',
  });
}

function malformed(who: string, got: string): TesseraError {
  return new TesseraError({
    code: 'npy-malformed',
    who,
    got,
    expected: 'an array as numpy.save writes it',
    next: 'Copy or download the file again.',
  });
}
