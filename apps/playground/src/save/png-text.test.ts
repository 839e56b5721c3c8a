import { crc32, deflateSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { textOf, withText } from './png-text.ts';

/* The smallest PNG: one black pixel, as libpng writes it. */
const png = new Uint8Array(
  Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==', 'base64'),
);
const text = JSON.stringify({ class: 'näture 🦊', seed: 7 });

it('puts text before the pixels and reads it, and leaves all else as it was', async () => {
  const written = withText(png, 'tessera', text);
  expect(await textOf(written, 'tessera')).toBe(text);
  expect(await textOf(written, 'another')).toBeNull();
  const at = Buffer.from(written).indexOf('iTXt') - 4;
  const length = 12 + Buffer.from(written).readUInt32BE(at);
  expect(Buffer.concat([written.subarray(0, at), written.subarray(at + length)])).toEqual(Buffer.from(png));
  expect(at).toBeLessThan(Buffer.from(written).indexOf('IDAT'));
});

it('takes the checksum that every reader of PNG expects', () => {
  const written = Buffer.from(withText(png, 'k', 'v'));
  // CRC-32 by Python's zlib of "iTXtk\0\0\0\0\0v"
  expect(written.readUInt32BE(written.indexOf('iTXt') + 4 + 7)).toBe(0x21a68f71);
});

it('replaces an earlier text of the same keyword', async () => {
  const twice = withText(withText(png, 'tessera', 'one'), 'tessera', 'two');
  expect(await textOf(twice, 'tessera')).toBe('two');
  expect(twice).toEqual(withText(png, 'tessera', 'two'));
});

it('reads what other programs have packed', async () => {
  const plain = withText(png, 'tessera', 'packed');
  const packed = withText(png, 'tessera', '').slice();
  expect(await textOf(plain, 'tessera')).toBe('packed');
  const body = deflateSync('{"tessera":1}');
  const kinds: readonly (readonly [string, readonly number[]])[] = [
    ['zTXt', [...Buffer.from('tessera\0\0'), ...body]],
    ['iTXt', [...Buffer.from('tessera\0\u0001\0en\0name\0'), ...body]],
    ['tEXt', [...Buffer.from('tessera\0{"tessera":1}')]],
  ];
  for (const [type, data] of kinds)
    expect(await textOf(withChunk(packed, type, data), 'tessera')).toBe('{"tessera":1}');
});

it('tells a damaged text from none, and no PNG from a PNG', async () => {
  const damaged = withText(png, 'tessera', text);
  const at = Buffer.from(damaged).indexOf('tessera') + 14;
  damaged[at] = damaged[at]! ^ 1;
  await expect(textOf(damaged, 'tessera')).rejects.toThrow('its checksum is wrong');
  expect(await textOf(png, 'tessera')).toBeNull();
  expect(await textOf(new Uint8Array([255, 216, 255]), 'tessera')).toBeNull();
  expect(await textOf(png.subarray(0, 40), 'tessera')).toBeNull();
  expect(() => withText(png.subarray(0, 33), 'tessera', '')).toThrow('no pixels');
});

it('does not unpack without end', async () => {
  const bomb = withChunk(png, 'zTXt', [...Buffer.from('tessera\0\0'), ...deflateSync(new Uint8Array(5_000_000))]);
  await expect(textOf(bomb, 'tessera')).rejects.toThrow('too long');
});

/** With a chunk after the header, whatever it holds. */
function withChunk(file: Uint8Array, type: string, data: readonly number[]): Uint8Array {
  const around = withText(file, 'tessera', '');
  const at = Buffer.from(around).indexOf('iTXt') - 4;
  const old = 12 + Buffer.from(around).readUInt32BE(at);
  const chunk = Buffer.alloc(12 + data.length);
  chunk.writeUInt32BE(data.length);
  chunk.write(type, 4, 'latin1');
  chunk.set(data, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + data.length)), 8 + data.length);
  return Buffer.concat([around.subarray(0, at), chunk, around.subarray(at + old)]);
}
