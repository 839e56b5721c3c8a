import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { keepPicture, openPicture } from './index.ts';

const noise = (count: number) => Uint8Array.from({ length: count }, (_, i) => (i * 89 + (i >> 4)) % 256);
const png = (height: number, width: number, channels: 1 | 2 | 3 | 4) =>
  sharp(noise(height * width * channels), { raw: { height, width, channels } })
    .png()
    .toBuffer();

/** A PNG whose header says any size; one row follows. */
function bomb(side: number): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(data.length);
    frame.writeUInt32BE(crc(body), 4);
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
  };
  const head = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0]);
  head.writeUInt32BE(side);
  head.writeUInt32BE(side, 4);
  const rows = deflateSync(Buffer.alloc(5001));
  const magic = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  return Buffer.concat([magic, chunk('IHDR', head), chunk('IDAT', rows), chunk('IEND', Buffer.alloc(0))]);
}

function crc(bytes: Buffer): number {
  let sum = ~0;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum >>> 0;
}

const film = () =>
  sharp(noise(96), { raw: { width: 4, height: 8, channels: 3, pageHeight: 4 } })
    .webp()
    .toBuffer();

describe("somebody's picture", () => {
  it('is a PNG, a JPEG or a WebP, as it is meant to be seen', async () => {
    const image = sharp(noise(120), { raw: { height: 4, width: 10, channels: 3 } });
    for (const bytes of await Promise.all([image.png().toBuffer(), image.jpeg().toBuffer(), image.webp().toBuffer()])) {
      expect(await openPicture(bytes, 'test')).toMatchObject({ height: 4, width: 10, alpha: false });
    }
    const turned = await image.withMetadata({ orientation: 6 }).jpeg().toBuffer();
    expect(await openPicture(turned, 'test')).toMatchObject({ height: 10, width: 4 });
    expect(await keepPicture(turned, 'test')).toMatchObject({ height: 10, width: 4 });
    expect((await openPicture(await png(4, 4, 4), 'test')).alpha).toBe(true);
  });

  it.each([
    ['picture-format', async () => Buffer.alloc(0)],
    ['picture-format', async () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')],
    [
      'picture-format',
      () =>
        sharp(noise(48), { raw: { height: 4, width: 4, channels: 3 } })
          .gif()
          .toBuffer(),
    ],
    ['picture-format', async () => Buffer.from('RIFF....WAVE')],
    ['picture-broken', async () => Buffer.from('\x89PNG\r\n\x1a\nno more', 'latin1')],
    ['picture-broken', async () => (await png(64, 64, 3)).subarray(0, 300)],
    ['picture-animated', film],
    ['picture-too-large', async () => bomb(30_000)],
    ['picture-too-large', async () => bomb(100_000)],
    ['picture-broken', async () => bomb(2 ** 31 - 1)],
    ['picture-broken', async () => bomb(5000)],
  ] as const)('is refused with %s (%#)', async (code, bytes) => {
    const began = Date.now();
    const error = await keepPicture(await bytes(), 'test').catch((one: unknown) => one);
    expect(error).toMatchObject({ code });
    expect((error as Error).message).toMatch(/^\[test\] got .+; expected .+\. .+\.$/);
    expect(Date.now() - began).toBeLessThan(5000);
  });

  it('is kept by its pixels alone, exactly', async () => {
    const tagged = await sharp(await png(9, 7, 4))
      .withExif({ IFD0: { Copyright: 'somebody' } })
      .png()
      .toBuffer();
    const { png: kept } = await keepPicture(Buffer.concat([tagged, Buffer.from('and a tail')]), 'test');
    expect([...(await sharp(kept).raw().toBuffer())]).toEqual([...noise(9 * 7 * 4)]);
    expect(kept.includes('tail')).toBe(false);
    expect((await sharp(kept).metadata()).exif).toBe(undefined);
  });

  it('is scaled down where no model could use it all', async () => {
    expect(await keepPicture(await png(1100, 2200, 1), 'test')).toMatchObject({ height: 1024, width: 2048 });
  });
});
