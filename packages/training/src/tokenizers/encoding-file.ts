import { existsSync, openSync, readSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { bytesPerElement, type Checkpoint, openCheckpoint, writeSafetensors } from '@tessera/checkpoints';
import type { Encoding } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import { type Provenance, provenanceText, readProvenance, whyStale } from '../stage/checkpoint.ts';

/** The name of an encoding: indices of a discrete tokenizer, moments of a continuous one. */
export type EncodingName = keyof Encoding;

/** What the encoding of one image is. */
export interface EncodingForm {
  readonly name: EncodingName;
  readonly shape: readonly number[];
  readonly dtype: 'int32' | 'float32' | 'float16';
}

/** Encodings in a file, by row. */
export interface Encodings extends EncodingForm {
  readonly count: number;
  /** The bytes of these rows, one after the other. */
  read(rows: ArrayLike<number>): Uint8Array<ArrayBuffer>;
}

/** A file holds encodings in tensors of at most so many bytes, so that no more are in memory while it is written. */
const PART = 2 ** 28;

/** Encodings of more bytes are left in their file, and read from there row by row. */
export const MEMORY_LIMIT = 2 ** 30;

/** Bytes of one image's encoding. */
export function bytesOfRow({ shape, dtype }: EncodingForm): number {
  return shape.reduce((product, side) => product * side, bytesPerElement(dtype));
}

interface WriteRequest {
  readonly form: EncodingForm;
  readonly count: number;
  readonly provenance: Provenance;
  /** The bytes of some rows. Called in their order. */
  encode(start: number, count: number): Promise<Uint8Array>;
  readonly part?: number;
}

/** Writes encodings part by part, while they are made. */
export async function writeEncodings(path: string, request: WriteRequest): Promise<void> {
  const { form, count, provenance, encode, part = PART } = request;
  await mkdir(dirname(path), { recursive: true });
  const perPart = Math.max(1, Math.floor(part / bytesOfRow(form)));
  const parts = Math.ceil(count / perPart);
  const tensors = Array.from({ length: parts }, (_, n) => {
    const rows = Math.min(perPart, count - n * perPart);
    return {
      name: parts === 1 ? form.name : `${form.name}.${String(n).padStart(6, '0')}`,
      dtype: form.dtype,
      shape: [rows, ...form.shape],
      bytes: () => encode(n * perPart, rows),
    };
  });
  await writeSafetensors(path, tensors, { madeOf: provenanceText(provenance) });
}

/** Opens the encodings of an earlier run. Returns a reason if they cannot be used, and null if there are none. */
export async function openEncodings(
  path: string,
  provenance: Provenance,
  memoryLimit: number,
): Promise<Encodings | string | null> {
  if (!existsSync(path)) return null;
  try {
    const file = await openCheckpoint(path);
    try {
      return whyStale(readProvenance(file.values), provenance) ?? (await encodingsIn(file, memoryLimit));
    } finally {
      await file.close();
    }
  } catch (error) {
    if (!(error instanceof TesseraError)) throw error;
    return `it cannot be read (${error.parts.got})`;
  }
}

async function encodingsIn(file: Checkpoint, memoryLimit: number): Promise<Encodings | string> {
  const parts = [...file.tensors.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const [first] = parts;
  if (!first) return 'it is empty';
  const form: EncodingForm = {
    name: first.name.replace(/\.\d+$/, '') as EncodingName,
    shape: first.shape.slice(1),
    dtype: first.dtype as EncodingForm['dtype'],
  };
  const count = parts.reduce((sum, { shape }) => sum + shape[0]!, 0);
  const size = bytesOfRow(form);
  if (count * size > memoryLimit) {
    const starts = parts.map(({ location }) => location!.offset);
    return { ...form, count, read: inFile(file.path, { starts, perPart: first.shape[0]!, size }) };
  }
  const bytes = new Uint8Array(count * size);
  let at = 0;
  for (const { name } of parts) {
    const some = await file.read(name);
    bytes.set(some, at);
    at += some.length;
  }
  return {
    ...form,
    count,
    read: (rows) => gather(rows, size, (row, to) => to.set(bytes.subarray(row * size, (row + 1) * size))),
  };
}

/** Reads rows where they lie. The file stays open as long as the process lives. */
function inFile(
  path: string,
  { starts, perPart, size }: { readonly starts: readonly number[]; readonly perPart: number; readonly size: number },
): Encodings['read'] {
  const file = openSync(path, 'r');
  return (rows) =>
    gather(rows, size, (row, to) => {
      const offset = starts[Math.floor(row / perPart)]! + (row % perPart) * size;
      for (let done = 0; done < size;) {
        const read = readSync(file, to, done, size - done, offset + done);
        if (read === 0) throw cutShort(path);
        done += read;
      }
    });
}

function cutShort(who: string): TesseraError {
  const next = 'Run it again with --resume: the images are encoded again.';
  return new TesseraError({
    code: 'checkpoint-truncated',
    who,
    got: 'a file that was cut',
    expected: 'all encodings',
    next,
  });
}

function gather(
  rows: ArrayLike<number>,
  size: number,
  copy: (row: number, to: Uint8Array) => void,
): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(rows.length * size);
  for (let slot = 0; slot < rows.length; slot++) copy(rows[slot]!, out.subarray(slot * size, (slot + 1) * size));
  return out;
}
