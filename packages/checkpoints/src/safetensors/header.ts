import { TesseraError } from '@tessera/errors';
import type { TensorEntry } from '../checkpoint.ts';
import { bytesPerElement, elementCount, type DType } from '../dtype.ts';
import { duplicateKey } from './duplicate-key.ts';

/** Names of element types in the file; null where the format has none. Those of less than a byte are not read. */
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

export interface Header {
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: ReadonlyMap<string, string>;
}

/** The bytes of the file behind the header. */
export interface DataRange {
  readonly start: number;
  readonly size: number;
}

/**
 * Reads and checks a safetensors header: every tensor's size agrees with its shape, and together they cover the data
 * without a hole or an overlap.
 * @throws safetensors-malformed, safetensors-dtype, safetensors-offsets
 */
export function parseHeader(who: string, json: string, data: DataRange): Header {
  const tensors = new Map<string, TensorEntry>();
  const metadata = new Map<string, string>();
  for (const [name, value] of Object.entries(parseObject(who, json))) {
    if (name === '__metadata__') {
      for (const [key, text] of Object.entries(asObject(who, value, name))) {
        if (typeof text !== 'string') throw wrong(who, `metadata ${JSON.stringify(key)} of another kind`, 'text');
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
    throw wrong(who, 'a header that is not JSON', 'a safetensors header', cause);
  }
  const repeated = duplicateKey(json);
  if (repeated !== undefined) throw wrong(who, `the key ${JSON.stringify(repeated)} twice`, 'every key once');
  return asObject(who, value, 'the header');
}

function asObject(who: string, value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw wrong(who, `${what} of another kind`, 'a JSON object');
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
  if (!isCounts(shape)) throw wrong(who, `${name} of shape ${JSON.stringify(shape)}`, 'a list of sizes');
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
    expected: 'tensors that cover the data exactly, one behind the other',
    next: 'Copy or download the file again.',
  });
}

function wrong(who: string, got: string, expected: string, cause?: unknown): TesseraError {
  return new TesseraError({ code: 'safetensors-malformed', who, got, expected, cause });
}
