import { TesseraError } from '@tessera/errors';
import { readStart, unknownFormat, type ByteSource } from './byte-source.ts';
import {
  bytesPerElement,
  elementCount,
  unknownTensor,
  type Checkpoint,
  type DType,
  type TensorEntry,
} from './checkpoint.ts';

/** The same limit as in the format's own library. */
const largestHeader = 100_000_000;
const lengthSize = 8;

/**
 * Opens safetensors bytes, wherever they are.
 * @throws checkpoint-empty, checkpoint-format-unknown and the codes of `readSafetensors`
 */
export async function openSafetensors(source: ByteSource): Promise<Checkpoint> {
  const start = await readStart(source);
  if (start[lengthSize] !== 0x7b) throw unknownFormat(source.path, { got: 'a file of another kind' });
  return readSafetensors(source);
}

/**
 * A safetensors file is the length of its header (8 bytes, little-endian), the header as JSON, and the bytes of all
 * tensors.
 * @throws safetensors-malformed, safetensors-dtype, safetensors-offsets, checkpoint-truncated */
export async function readSafetensors(source: ByteSource): Promise<Checkpoint> {
  const length = Number(new DataView((await source.read(0, lengthSize)).buffer).getBigUint64(0, true));
  if (length > largestHeader) throw malformed(source.path, `a header of ${length} bytes`, `at most ${largestHeader}`);
  const start = lengthSize + length;
  const json = decode(source.path, await source.read(lengthSize, length));
  const { tensors, metadata } = parseHeader(source.path, json, { start, size: source.size - start });
  return {
    path: source.path,
    format: 'safetensors',
    tensors,
    values: metadata,
    leftOut: [],
    read: async (name) => {
      const location = tensors.get(name)?.location;
      if (!location) throw unknownTensor(source.path, name);
      return source.read(location.offset, location.byteLength);
    },
    close: () => source.close(),
  };
}

function decode(who: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw unreadable(who, 'a header that is not UTF-8', cause);
  }
}

/** The format's names of element types; null where it has none. Types of less than a byte are not read. */
export const safetensorsNames: Readonly<Record<DType, string | null>> = {
  float64: 'F64',
  float32: 'F32',
  float16: 'F16',
  bfloat16: 'BF16',
  float8_e4m3fn: 'F8_E4M3',
  float8_e5m2: 'F8_E5M2',
  float8_e4m3fnuz: 'F8_E4M3FNUZ',
  float8_e5m2fnuz: 'F8_E5M2FNUZ',
  float8_e8m0fnu: 'F8_E8M0',
  int64: 'I64',
  int32: 'I32',
  int16: 'I16',
  int8: 'I8',
  uint64: 'U64',
  uint32: 'U32',
  uint16: 'U16',
  uint8: 'U8',
  bool: 'BOOL',
  complex128: null,
  complex64: 'C64',
  complex32: null,
};

const dtypes: ReadonlyMap<string, DType> = new Map(
  Object.entries(safetensorsNames).flatMap(([dtype, name]) => (name === null ? [] : [[name, dtype as DType]])),
);

interface Header {
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: ReadonlyMap<string, string>;
}

/** The bytes of the file after the header. */
interface DataRange {
  readonly start: number;
  readonly size: number;
}

/**
 * Reads and checks a safetensors header: every tensor's size agrees with its shape, and together they cover the data
 * without a hole or an overlap.
 * @throws safetensors-malformed, safetensors-dtype, safetensors-offsets
 */
function parseHeader(who: string, json: string, data: DataRange): Header {
  const tensors = new Map<string, TensorEntry>();
  const metadata = new Map<string, string>();
  for (const [name, value] of Object.entries(parseObject(who, json))) {
    if (name === '__metadata__') {
      for (const [key, text] of Object.entries(asObject(who, value, name))) {
        if (typeof text !== 'string') throw malformed(who, `metadata ${JSON.stringify(key)} of another kind`, 'text');
        metadata.set(key, text);
      }
    } else {
      tensors.set(name, parseEntry(who, name, { value: asObject(who, value, name), data }));
    }
  }
  checkCover(who, [...tensors.values()], data);
  return { tensors, metadata };
}

function parseObject(who: string, json: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw unreadable(who, 'a header that is not JSON', cause);
  }
  const repeated = duplicateKey(json);
  if (repeated !== undefined) throw malformed(who, `the key ${JSON.stringify(repeated)} twice`, 'every key once');
  return asObject(who, value, 'the header');
}

function asObject(who: string, value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw malformed(who, `${what} of another kind`, 'a JSON object');
}

function parseEntry(
  who: string,
  name: string,
  { value, data }: { readonly value: Readonly<Record<string, unknown>>; readonly data: DataRange },
): TensorEntry {
  const dtype = dtypes.get(String(value['dtype']));
  if (dtype === undefined) {
    throw new TesseraError({
      code: 'safetensors-dtype',
      who,
      got: `${name} of type ${JSON.stringify(value['dtype'])}`,
      expected: `one of ${[...dtypes.keys()].join(', ')}`,
    });
  }
  const shape = value['shape'];
  if (!isCounts(shape)) throw malformed(who, `${name} of shape ${JSON.stringify(shape)}`, 'a list of sizes');
  const offsets = value['data_offsets'];
  if (!isCounts(offsets) || offsets.length !== 2) throw badOffsets(who, `${name} without two offsets`);
  const [begin, end] = offsets as [number, number];
  const byteLength = elementCount(shape) * bytesPerElement(dtype);
  if (end - begin !== byteLength || end > data.size) {
    throw badOffsets(who, `${name} [${shape.join(', ')}] ${dtype} from byte ${begin} to ${end} of ${data.size}`);
  }
  return { name, dtype, shape, location: { offset: data.start + begin, byteLength } };
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

function checkCover(who: string, entries: readonly TensorEntry[], data: DataRange): void {
  const places = entries.map(({ name, location }) => ({ name, ...location! }));
  places.sort((a, b) => a.offset - b.offset || a.byteLength - b.byteLength);
  let at = data.start;
  for (const { name, offset, byteLength } of places) {
    if (offset !== at) throw badOffsets(who, `${name} ${offset < at ? 'overlapping' : 'leaving a hole after'} another`);
    at += byteLength;
  }
  if (at !== data.start + data.size) throw badOffsets(who, `${data.start + data.size - at} bytes of no tensor`);
}

function badOffsets(who: string, got: string): TesseraError {
  return new TesseraError({
    code: 'safetensors-offsets',
    who,
    got,
    expected: 'tensors that cover the data exactly, one after the other',
    next: 'Copy or download the file again.',
  });
}

function unreadable(who: string, got: string, cause: unknown): TesseraError {
  return new TesseraError({ code: 'safetensors-malformed', who, got, expected: 'a safetensors header', cause });
}

function malformed(who: string, got: string, expected: string): TesseraError {
  return new TesseraError({ code: 'safetensors-malformed', who, got, expected });
}

/**
 * The first key that an object in a JSON text repeats: JSON.parse would silently keep the last one.
 * `json` must be valid JSON.
 */
function duplicateKey(json: string): string | undefined {
  const seen: Set<string>[] = [];
  // In valid JSON, a string is a key exactly when a colon follows it.
  const tokens = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/gs;
  for (const [token, colon] of json.matchAll(tokens)) {
    if (token === '{' || token === '[') seen.push(new Set());
    else if (token === '}' || token === ']') seen.pop();
    else if (colon !== undefined) {
      const key = JSON.parse(token.slice(0, -colon.length)) as string;
      const keys = seen.at(-1)!;
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
  return undefined;
}
