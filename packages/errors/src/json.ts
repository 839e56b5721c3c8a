import { TesseraError, type ErrorParts } from './tessera-error.ts';

/** Byte order marks and the encodings that they announce. */
const marks = [
  { bytes: [0xff, 0xfe], encoding: 'utf-16le' },
  { bytes: [0xfe, 0xff], encoding: 'utf-16be' },
] as const;

/**
 * The text of a file as editors and shells write it: UTF-8, or UTF-16 if it begins with that byte order mark, as
 * PowerShell's `>` writes it. The mark is removed.
 * @throws TypeError if the bytes are neither
 */
export function decodeText(bytes: Uint8Array): string {
  const marked = marks.find((mark) => mark.bytes.every((byte, i) => bytes[i] === byte));
  return new TextDecoder(marked?.encoding ?? 'utf-8', { fatal: true }).decode(bytes);
}

/**
 * The value of a JSON file.
 * @throws TesseraError of the given parts, with the position of the syntax error
 */
export function parseJson(bytes: Uint8Array, refusal: Omit<ErrorParts, 'got' | 'cause'>): unknown {
  try {
    return JSON.parse(decodeText(bytes));
  } catch (cause) {
    const words = cause instanceof SyntaxError ? cause.message : 'its bytes are neither UTF-8 nor marked as UTF-16';
    throw new TesseraError({ ...refusal, got: `text that is not JSON (${words})`, cause });
  }
}
