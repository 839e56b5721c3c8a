import { TesseraError } from '@tessera/errors';

/** Pixels of a picture as rows of bytes, from the upper left. */
interface RawPicture {
  /** `[height, width, channels]`: RGB, or RGBA. */
  readonly data: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly channels: 3 | 4;
}

interface Header {
  readonly width: number;
  readonly height: number;
  /** Rows come from the bottom unless this is set. */
  readonly topDown: boolean;
  readonly bits: number;
  /** Where the pixels begin in the file. */
  readonly offset: number;
  readonly palette: Uint8Array;
  /** Bytes of one entry of the palette, blue first. */
  readonly entry: 3 | 4;
  /** Of red, green, blue and alpha in a pixel of 16 or 32 bits; 0 where there is none. */
  readonly masks: readonly number[];
}

const MASKS: Readonly<Record<number, readonly number[]>> = {
  16: [0x7c00, 0x03e0, 0x001f, 0],
  32: [0xff0000, 0x00ff00, 0x0000ff, 0],
};

/** Whether a file begins as Windows bitmaps do. */
export function isBmp(bytes: Uint8Array): boolean {
  return bytes[0] === 0x42 && bytes[1] === 0x4d;
}

/**
 * Decodes a Windows bitmap that is not compressed: 1, 2, 4 or 8 bits with a palette, 16 or 32 bits with or without
 * masks, 24 bits. Without an alpha mask the fourth byte of 32 bits is ignored, as in Pillow. Source: Microsoft, "Bitmap
 * Storage" (BITMAPCOREHEADER to BITMAPV5HEADER).
 * @throws TesseraError `picture-broken` for a truncated file or another kind of file
 */
export function readBmp(bytes: Uint8Array, who: string): RawPicture {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { width, height, topDown, offset, ...form } = readHeader(view, who);
  const stride = Math.ceil((width * form.bits) / 32) * 4;
  if (offset + stride * height > bytes.length) {
    throw broken(who, `${bytes.length} bytes of a bitmap of ${offset + stride * height}`);
  }
  const channels = form.masks[3] ? 4 : 3;
  const data = new Uint8Array(height * width * channels);
  const paint = painterOf(view, form, channels);
  for (let y = 0; y < height; y++) {
    const row = offset + stride * (topDown ? y : height - 1 - y);
    for (let x = 0; x < width; x++) {
      if (!paint(row, x, data, (y * width + x) * channels))
        throw broken(who, 'a colour that its palette does not have');
    }
  }
  return { data, height, width, channels };
}

function readHeader(view: DataView, who: string): Header {
  const size = view.byteLength >= 26 ? view.getUint32(14, true) : 0;
  const old = size === 12;
  if ((!old && size < 16) || 14 + size > view.byteLength) throw broken(who, 'a bitmap without a whole header');
  const [width, rows] = old
    ? [view.getUint16(18, true), view.getInt16(20, true)]
    : [view.getInt32(18, true), view.getInt32(22, true)];
  const bits = view.getUint16(old ? 24 : 28, true);
  const compression = size >= 20 ? view.getUint32(30, true) : 0;
  const masked = compression === 3 || compression === 6;
  if (compression !== 0 && !masked) throw broken(who, 'a compressed bitmap');
  if (![1, 2, 4, 8, 16, 24, 32].includes(bits) || (masked && bits !== 16 && bits !== 32)) {
    throw broken(who, `a bitmap of ${bits} bits a pixel`);
  }
  if (width <= 0 || rows === 0) throw broken(who, `a bitmap of ${width} x ${rows} pixels`);
  const given = masked ? (compression === 6 || size >= 56 ? 4 : 3) : 0;
  if (54 + 4 * given > view.byteLength && masked) throw broken(who, 'a bitmap without its masks');
  const masks = masked
    ? [0, 1, 2, 3].map((channel) => (channel < given ? view.getUint32(54 + 4 * channel, true) : 0))
    : (MASKS[bits] ?? []);
  const offset = view.getUint32(10, true);
  const begin = 14 + size + (size === 40 ? 4 * given : 0);
  const entry = old ? 3 : 4;
  const colours = bits > 8 ? 0 : (size >= 36 && view.getUint32(46, true)) || 2 ** bits;
  const end = Math.min(begin + entry * Math.min(colours, 256), offset, view.byteLength);
  const palette = new Uint8Array(view.buffer, view.byteOffset + begin, Math.max(0, end - begin));
  return { width, height: Math.abs(rows), topDown: rows < 0, bits, offset, palette, entry, masks };
}

/** Writes pixel `x` of the row at `row` into `out`; false for a colour that is not in the palette. */
type Painter = (row: number, x: number, out: Uint8Array, at: number) => boolean;

function painterOf(
  view: DataView,
  form: Pick<Header, 'bits' | 'palette' | 'entry' | 'masks'>,
  channels: 3 | 4,
): Painter {
  const { bits, palette, entry, masks } = form;
  if (bits <= 8) {
    return (row, x, out, at) => {
      const byte = view.getUint8(row + ((x * bits) >> 3));
      const index = (byte >> (8 - bits - ((x * bits) & 7))) & (2 ** bits - 1);
      const from = index * entry;
      for (let channel = 0; channel < 3; channel++) out[at + channel] = palette[from + 2 - channel]!;
      return from + 3 <= palette.length;
    };
  }
  if (bits === 24) {
    return (row, x, out, at) => {
      for (let channel = 0; channel < 3; channel++) out[at + channel] = view.getUint8(row + 3 * x + 2 - channel);
      return true;
    };
  }
  const scales = masks.slice(0, channels).map((mask) => {
    const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask);
    return { mask, shift, most: mask >>> shift || 1 };
  });
  return (row, x, out, at) => {
    const pixel = bits === 16 ? view.getUint16(row + 2 * x, true) : view.getUint32(row + 4 * x, true);
    for (const [channel, { mask, shift, most }] of scales.entries()) {
      out[at + channel] = Math.floor((((pixel & mask) >>> shift) * 255) / most);
    }
    return true;
  };
}

function broken(who: string, got: string): TesseraError {
  return new TesseraError({
    code: 'picture-broken',
    who,
    got,
    expected: 'a whole bitmap without compression, of 1 to 32 bits a pixel',
    next: 'Save it as PNG with another program.',
  });
}
