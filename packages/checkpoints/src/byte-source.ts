import { TesseraError } from '@tessera/errors';

/** Bytes that are read by ranges: a file, or memory. */
export interface ByteSource {
  /** Path or address, for errors. */
  readonly path: string;
  readonly size: number;
  /** Fresh bytes in a buffer of their own. @throws checkpoint-truncated when the range leaves the source. */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}

/** A file that is in memory as a whole, as a browser has it after a download. */
export function memorySource(path: string, bytes: Uint8Array): ByteSource {
  const size = bytes.length;
  return {
    path,
    size,
    read: async (offset, length) => {
      checkRange({ path, size, offset, length });
      return Uint8Array.from(bytes.subarray(offset, offset + length));
    },
    close: async () => undefined,
  };
}

export interface Range {
  readonly path: string;
  readonly size: number;
  readonly offset: number;
  readonly length: number;
}

/** @throws checkpoint-truncated when the range leaves the source */
export function checkRange(range: Range): void {
  const { size, offset, length } = range;
  const valid = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  if (!valid || offset + length > size) throw truncated(range);
}

export function truncated({ path, size, offset, length }: Range): TesseraError {
  return new TesseraError({
    code: 'checkpoint-truncated',
    who: path,
    got: `a file of ${size} bytes that should hold ${length} bytes at ${offset}`,
    expected: 'a complete file',
    next: 'Copy or download it again.',
  });
}

/**
 * The first bytes of a source that may hold weights.
 * @throws checkpoint-empty; checkpoint-format-unknown for a pointer of Git LFS, a web page or another text
 */
export async function readStart(source: ByteSource): Promise<Uint8Array> {
  if (source.size === 0) {
    throw new TesseraError({
      code: 'checkpoint-empty',
      who: source.path,
      got: 'a file of 0 bytes',
      expected: 'a weight file',
      next: 'Copy or download it again.',
    });
  }
  const start = await source.read(0, Math.min(source.size, 512));
  const found = describeText(start, source.size);
  if (found === null) return start;
  throw unknownFormat(source.path, found);
}

/** Error for a file that holds no weights. */
export function unknownFormat(who: string, found: { readonly got: string; readonly next?: string }): TesseraError {
  return new TesseraError({
    code: 'checkpoint-format-unknown',
    who,
    expected: 'a safetensors or PyTorch file',
    ...found,
  });
}

/** What a text is that was found in place of weights, and what to do about it; null for binary data. */
function describeText(start: Uint8Array, size: number): { readonly got: string; readonly next: string } | null {
  const text = textOf(start, size);
  if (text === null) return null;
  if (text.startsWith('version https://git-lfs.github.com/spec/')) {
    const [, bytes] = /^size (\d+)$/m.exec(text) ?? [];
    return {
      got: `a pointer of Git LFS${bytes === undefined ? '' : `, which stands for a file of ${bytes} bytes`}`,
      next: 'Fetch the file itself: git lfs pull.',
    };
  }
  if (/^\s*<(!doctype html|html|head|body|\?xml|!--|error)/i.test(text)) {
    return { got: 'a web page', next: 'Download the file itself: the address led to a page about it, or to an error.' };
  }
  return {
    got: `a text that begins with ${JSON.stringify(text.trim().slice(0, 40))}`,
    next: 'Check that this is the file you meant, and that its download went well.',
  };
}

/** The bytes as text if all of them are text: a weight file has other bytes near its start. */
function textOf(start: Uint8Array, size: number): string | null {
  if (start.some((byte) => byte < 9 || (byte > 13 && byte < 32))) return null;
  try {
    // The end may cut a character in two, unless it is the end of the file.
    return new TextDecoder('utf-8', { fatal: true }).decode(start, { stream: size > start.length });
  } catch {
    return null;
  }
}
