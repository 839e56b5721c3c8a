import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { TesseraError } from '@tessera/errors';

/** An array of an IDX file (the format of MNIST and its relatives). */
export interface IdxArray {
  readonly dims: readonly number[];
  readonly data: Uint8Array;
}

const UNSIGNED_BYTE = 0x08;

/**
 * Reads an IDX file of unsigned bytes, gzipped or not. Layout: two zero bytes, the element type, the number of
 * dimensions, each dimension as a big-endian uint32, then the elements, row-major.
 * @throws TesseraError `data-file-missing`, `idx-malformed`.
 */
export async function readIdx(path: string): Promise<IdxArray> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const next = 'Check the path in the recipe.';
    throw new TesseraError({
      code: 'data-file-missing',
      who: path,
      got: 'no readable file',
      expected: 'an IDX file',
      next,
      cause,
    });
  }
  return parseIdx(isGzip(bytes) ? unzip(bytes, path) : bytes, path);
}

function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

function unzip(bytes: Uint8Array, path: string): Uint8Array {
  try {
    return gunzipSync(bytes);
  } catch (cause) {
    throw malformed(path, { got: 'a damaged gzip stream', expected: 'a whole gzip file', cause });
  }
}

function parseIdx(bytes: Uint8Array, path: string): IdxArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4 || view.getUint16(0) !== 0 || bytes[2] !== UNSIGNED_BYTE) {
    throw malformed(path, { got: 'another header', expected: 'an IDX file of unsigned bytes' });
  }
  const rank = bytes[3]!;
  const start = 4 + 4 * rank;
  if (bytes.length < start) throw malformed(path, { got: `${bytes.length} bytes`, expected: `${rank} dimensions` });
  const dims = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const count = dims.reduce((product, size) => product * size, 1);
  if (bytes.length !== start + count) {
    throw malformed(path, { got: `${bytes.length} bytes`, expected: `${start + count} for [${dims.join(', ')}]` });
  }
  return { dims, data: bytes.subarray(start) };
}

function malformed(path: string, parts: { got: string; expected: string; cause?: unknown }): TesseraError {
  return new TesseraError({ code: 'idx-malformed', who: path, next: 'Fetch the file again.', ...parts });
}
