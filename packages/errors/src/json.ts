import { TesseraError, type ErrorParts } from './tessera-error.ts';

/** Byte order marks, and what a file that begins with one is written in. */
const marks = [
  { bytes: [0xff, 0xfe], encoding: 'utf-16le' },
  { bytes: [0xfe, 0xff], encoding: 'utf-16be' },
] as const;

/**
 * Text of a file as editors and shells write it: UTF-8, or UTF-16 where its byte order mark says so (`>` of PowerShell).
 * The mark itself is left out.
 * @throws TypeError where the bytes are no such text
 */
export function decodeText(bytes: Uint8Array): string {
  const marked = marks.find((mark) => mark.bytes.every((byte, i) => bytes[i] === byte));
  return new TextDecoder(marked?.encoding ?? 'utf-8', { fatal: true }).decode(bytes);
}

/**
 * The value of a JSON file.
 * @throws TesseraError of the given parts, which says where its text stops being JSON
 */
export function parseJson(bytes: Uint8Array, refusal: Omit<ErrorParts, 'got' | 'cause'>): unknown {
  try {
    return JSON.parse(decodeText(bytes));
  } catch (cause) {
    const words = cause instanceof SyntaxError ? cause.message : 'its bytes are neither UTF-8 nor marked as UTF-16';
    throw new TesseraError({ ...refusal, got: `text that is not JSON (${words})`, cause });
  }
}
