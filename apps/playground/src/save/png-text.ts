/* Text in PNG files: https://www.w3.org/TR/png-3/#11iTXt. A file is a signature and chunks, each with its own checksum. */

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
/** Of a chunk: length, type and checksum. */
const AROUND = 12;
/** What a text may hold once it is unpacked. */
const MOST_BYTES = 1_000_000;

interface Chunk {
  readonly type: string;
  readonly data: Uint8Array;
  /** Where it begins in the file. */
  readonly at: number;
}

export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, index) => bytes[index] === byte);
}

/** The file with this text, before its pixels; an earlier text of the same keyword is taken out. */
export function withText(png: Uint8Array, keyword: string, text: string): Uint8Array {
  const others = chunksOf(png).filter((chunk) => keywordOf(chunk) !== keyword);
  const before = others.findIndex(({ type }) => type === 'IDAT');
  if (before < 0) throw new Error('This file has no pixels.');
  const empty = [0, 0, 0, 0, 0]; // end of the keyword, not compressed, no language, no translated keyword
  const data = new Uint8Array([...encoded(keyword), ...empty, ...encoded(text)]);
  const all = [...others.slice(0, before), { type: 'iTXt', data }, ...others.slice(before)];
  return joined([new Uint8Array(SIGNATURE), ...all.map(bytesOf)]);
}

/**
 * The text of this keyword, also where another program has packed it; null where there is none.
 * @throws Error where the text is there and damaged
 */
export async function textOf(png: Uint8Array, keyword: string): Promise<string | null> {
  if (!isPng(png)) return null;
  const chunk = chunksOf(png).find((one) => keywordOf(one) === keyword);
  if (!chunk) return null;
  const stored = new DataView(png.buffer, png.byteOffset).getUint32(chunk.at + 8 + chunk.data.length);
  if (stored !== checksum(png.subarray(chunk.at + 4, chunk.at + 8 + chunk.data.length))) {
    throw new Error('its checksum is wrong');
  }
  const { packed, body, encoding } = textIn(chunk, keyword.length + 1);
  return new TextDecoder(encoding).decode(packed ? await unpacked(body) : body);
}

/** Where the text of a chunk begins, and how it is written. */
function textIn({ type, data }: Chunk, from: number) {
  if (type === 'tEXt') return { packed: false, body: data.subarray(from), encoding: 'latin1' };
  if (type === 'zTXt') return { packed: true, body: data.subarray(from + 1), encoding: 'latin1' };
  const language = data.indexOf(0, from + 2);
  const translated = data.indexOf(0, language + 1);
  return { packed: data[from] === 1, body: data.subarray(translated + 1), encoding: 'utf-8' };
}

async function unpacked(body: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([new Uint8Array(body)]).stream().pipeThrough(new DecompressionStream('deflate'));
  const parts: Uint8Array[] = [];
  let length = 0;
  for (const reader = stream.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) return joined(parts);
    parts.push(value);
    length += value.length;
    if (length > MOST_BYTES) throw new Error('its text is too long');
  }
}

/** Up to where the file ends or is cut off. */
function chunksOf(png: Uint8Array): Chunk[] {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const chunks: Chunk[] = [];
  for (let at = SIGNATURE.length; at + AROUND <= png.length;) {
    const length = view.getUint32(at);
    if (at + AROUND + length > png.length) break;
    const type = String.fromCharCode(...png.subarray(at + 4, at + 8));
    chunks.push({ type, data: png.subarray(at + 8, at + 8 + length), at });
    at += AROUND + length;
  }
  return chunks;
}

/** Null of chunks that are no text. */
function keywordOf({ type, data }: Chunk): string | null {
  if (!['iTXt', 'tEXt', 'zTXt'].includes(type)) return null;
  return String.fromCharCode(...data.subarray(0, Math.max(0, data.indexOf(0))));
}

function bytesOf({ type, data }: Pick<Chunk, 'type' | 'data'>): Uint8Array {
  const bytes = new Uint8Array(AROUND + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(encoded(type), 4);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, checksum(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function encoded(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** CRC-32, as PNG has it. */
function checksum(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
