import type { Written } from '@tessera/core';
import { TesseraError } from '@tessera/errors';

/** What one generation wrote in one step. */
export interface WrittenStep {
  readonly written: Written;
  /** Its images, or those of a part where they do not fit into memory at once, and the steps that these take. */
  readonly images: number;
  readonly of: number;
}

/** First number of the bytes: another one is another format. */
const FORMAT = 1;
const HEADER = 6;

/** A step as bytes for the log: a header of six int32 (format, images, steps, three lengths), and the numbers behind it. */
export function encodeWritten({ written: { values, index, confidence }, images, of }: WrittenStep): Uint8Array {
  const lengths = [values.length, index?.length ?? 0, confidence?.length ?? 0] as const;
  const bytes = new Uint8Array(4 * (HEADER + lengths[0] + lengths[1] + lengths[2]));
  const integers = new Int32Array(bytes.buffer);
  const floats = new Float32Array(bytes.buffer);
  integers.set([FORMAT, images, of, ...lengths]);
  floats.set(values, HEADER);
  if (index) integers.set(index, HEADER + lengths[0]);
  if (confidence) floats.set(confidence, HEADER + lengths[0] + lengths[1]);
  return bytes;
}

/** @throws TesseraError `written-unreadable` for bytes that `encodeWritten` of this version did not make */
export function decodeWritten(stored: Uint8Array): WrittenStep {
  // A copy: bytes of a database need not begin where numbers may.
  const { buffer } = stored.slice();
  const integers = new Int32Array(buffer, 0, Math.floor(buffer.byteLength / 4));
  const [format, images = 0, of = 0, values = -1, index = -1, confidence = -1] = integers;
  const size = 4 * (HEADER + values + index + confidence);
  if (
    format !== FORMAT ||
    images < 1 ||
    of < 1 ||
    Math.min(values, index, confidence) < 0 ||
    size !== buffer.byteLength
  ) {
    throw new TesseraError({
      code: 'written-unreadable',
      who: 'host',
      got: `${buffer.byteLength} bytes of a step that begin with ${format}`,
      expected: `bytes of format ${FORMAT}`,
      next: 'They were written by another version: send the request again; the same seed gives the same images.',
    });
  }
  const at = (offset: number) => 4 * (HEADER + offset);
  return {
    images,
    of,
    written: {
      values: new Float32Array(buffer, at(0), values),
      ...(index > 0 && { index: new Int32Array(buffer, at(values), index) }),
      ...(confidence > 0 && { confidence: new Float32Array(buffer, at(values + index), confidence) }),
    },
  };
}

/** The images from `first` on, `count` of the `all` that a step was made for. */
export function sliceWritten({ values, index, confidence }: Written, { first, count, all }: Rows): Written {
  const cut = <T extends Float32Array | Int32Array>(numbers: T): T => {
    const each = numbers.length / all;
    return numbers.slice(first * each, (first + count) * each) as T;
  };
  return {
    values: cut(values),
    ...(index && { index: cut(index) }),
    ...(confidence && { confidence: cut(confidence) }),
  };
}

export interface Rows {
  readonly first: number;
  readonly count: number;
  readonly all: number;
}

/** The same step of several generations as one. */
export function joinWritten(all: readonly [Written, ...Written[]]): Written {
  const [{ index, confidence }] = all;
  return {
    values: Float32Array.from(joined(all.map((one) => one.values))),
    ...(index && { index: Int32Array.from(joined(all.map((one) => one.index!))) }),
    ...(confidence && { confidence: Float32Array.from(joined(all.map((one) => one.confidence!))) }),
  };
}

function joined(parts: readonly (Float32Array | Int32Array)[]): Float64Array {
  const all = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
