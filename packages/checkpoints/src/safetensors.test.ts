import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bytesPerElement, type DType } from './checkpoint.ts';
import { openCheckpoint } from './open-checkpoint.ts';
import { fixture, inTemporaryFolder, refusal } from './testing/test-files.ts';
import { memorySource, openSafetensors } from './web.ts';
import { writeSafetensors, type WritableTensor } from './write-safetensors.ts';

async function codeOf(header: string | object, data = 16, claimed?: number): Promise<string> {
  return inTemporaryFolder(async (folder) => {
    const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(claimed ?? json.length));
    const path = join(folder, 'x.safetensors');
    await writeFile(path, Buffer.concat([length, json, Buffer.alloc(data)]));
    return (await refusal(openCheckpoint(path))).code;
  });
}

const a = { dtype: 'F32', shape: [2], data_offsets: [0, 8] };
const b = { dtype: 'F32', shape: [2], data_offsets: [8, 16] };

describe('reading safetensors', () => {
  it.each([
    ['an overlap', { a, b: { ...b, data_offsets: [4, 12] } }, 'safetensors-offsets'],
    ['a hole', { a, b: { ...b, shape: [1], data_offsets: [12, 16] } }, 'safetensors-offsets'],
    ['bytes of no tensor', { a }, 'safetensors-offsets'],
    ['an end beyond the file', { a, b: { ...b, data_offsets: [16, 24] } }, 'safetensors-offsets'],
    ['a size unlike its shape', { a, b: { ...b, shape: [3] } }, 'safetensors-offsets'],
    ['an end before its start', { a, b: { ...b, data_offsets: [16, 8] } }, 'safetensors-offsets'],
    ['negative offsets', { a, b: { ...b, data_offsets: [-8, 0] } }, 'safetensors-offsets'],
    ['a negative side', { a, b: { ...b, shape: [-2] } }, 'safetensors-malformed'],
    ['an unknown type', { a, b: { ...b, dtype: 'F4' } }, 'safetensors-dtype'],
    ['metadata of numbers', { __metadata__: { step: 1 }, a, b }, 'safetensors-malformed'],
    ['a list for a header', '{"a":[]}', 'safetensors-malformed'],
    ['broken JSON', '{"a":', 'safetensors-malformed'],
    ['a key twice', `{"a":${JSON.stringify(a)},"\\u0061":${JSON.stringify(b)}}`, 'safetensors-malformed'],
    ['a field twice', '{"a":{"dtype":"F32","dtype":"F32","shape":[4],"data_offsets":[0,16]}}', 'safetensors-malformed'],
  ])('refuses %s', async (_, header, code) => {
    expect(await codeOf(header)).toBe(code);
  });

  it('refuses a header longer than the file or the limit', async () => {
    expect(await codeOf({ a, b }, 16, 5000)).toBe('checkpoint-truncated');
    expect(await codeOf({ a, b }, 16, 2 ** 52)).toBe('safetensors-malformed');
  });
});

function tensor(name: string, dtype: WritableTensor['dtype'], bytes: readonly number[]): WritableTensor {
  const size = dtype === 'uint8' ? 1 : 4;
  return { name, dtype, shape: [bytes.length / size], bytes: () => Uint8Array.from(bytes) };
}

const written: readonly DType[] = [
  ...(['float64', 'float32', 'float16', 'bfloat16', 'float8_e4m3fn', 'float8_e5m2', 'float8_e4m3fnuz'] as const),
  ...(['float8_e5m2fnuz', 'float8_e8m0fnu', 'int64', 'int32', 'int16', 'int8', 'uint64', 'uint32', 'uint16'] as const),
  ...(['uint8', 'bool', 'complex64'] as const),
];

describe('writing safetensors', () => {
  it('has every type but two, and reads it back', async () => {
    await inTemporaryFolder(async (folder) => {
      const path = join(folder, 'types');
      const one = (dtype: DType) => ({
        name: dtype,
        dtype,
        shape: [1],
        bytes: () => new Uint8Array(bytesPerElement(dtype)),
      });
      await writeSafetensors(path, written.map(one));
      const file = await openCheckpoint(path);
      expect(new Map([...file.tensors].map(([name, { dtype }]) => [name, dtype]))).toEqual(
        new Map(written.map((dtype) => [dtype, dtype])),
      );
      await file.close();
      for (const dtype of ['complex128', 'complex32'] as const) {
        expect((await refusal(writeSafetensors(path, [one(dtype)]))).code).toBe('safetensors-write');
      }
    });
  });

  const tensors = [
    tensor('z', 'uint8', [7]),
    tensor('b', 'float32', [1, 2, 3, 4]),
    tensor('a', 'float32', []),
    tensor('__proto__', 'uint8', [9]),
  ];

  it('writes the same bytes for the same tensors, and reads them back', async () => {
    await inTemporaryFolder(async (folder) => {
      const [one, two] = [join(folder, 'one'), join(folder, 'two')] as const;
      await writeSafetensors(one, tensors, { y: 'Ü', x: '1' });
      await writeSafetensors(two, tensors.toReversed(), { x: '1', y: 'Ü' });
      expect((await readFile(one)).equals(await readFile(two))).toBe(true);
      const file = await openCheckpoint(one);
      expect([...file.tensors.keys()]).toEqual(['a', 'b', '__proto__', 'z']);
      expect([...file.values]).toEqual([
        ['x', '1'],
        ['y', 'Ü'],
      ]);
      expect([...(await file.read('b'))]).toEqual([1, 2, 3, 4]);
      expect([...(await file.read('__proto__'))]).toEqual([9]);
      await file.close();
    });
  });

  it('leaves the old file and nothing else when it fails', async () => {
    await inTemporaryFolder(async (folder) => {
      const path = join(folder, 'weights');
      await writeFile(path, 'old');
      const lying = { ...tensors[1]!, name: 'c', shape: [2] };
      expect((await refusal(writeSafetensors(path, [...tensors, lying]))).code).toBe('safetensors-write');
      expect((await refusal(writeSafetensors(path, [tensors[0]!, tensors[0]!]))).code).toBe('safetensors-write');
      expect(await readdir(folder)).toEqual(['weights']);
      expect(await readFile(path, 'utf8')).toBe('old');
    });
  });
});

describe('safetensors in memory', () => {
  const name = 'pth_micro_var.safetensors';

  it('are read like the file', async () => {
    const there = await openCheckpoint(fixture(name));
    const here = await openSafetensors(memorySource(name, await readFile(fixture(name))));
    expect([...here.tensors.values()]).toEqual([...there.tensors.values()]);
    for (const one of here.tensors.keys())
      expect(Buffer.from(await here.read(one)).equals(await there.read(one)), one).toBe(true);
    await there.close();
    await here.close();
  });

  it.each([
    ['<!doctype html><title>404</title>', 'checkpoint-format-unknown', 'a web page'],
    ['', 'checkpoint-empty', 'a file of 0 bytes'],
    [`${'\0'.repeat(8)}x`, 'checkpoint-format-unknown', 'a file of another kind'],
    ['\x10\0\0\0\0\0\0\0{', 'checkpoint-truncated', 'a file of 9 bytes'],
  ])('refuses %j', async (text, code, words) => {
    const error = await refusal(openSafetensors(memorySource('weights', new TextEncoder().encode(text))));
    expect([error.code, error.message]).toEqual([code, expect.stringContaining(words)]);
  });
});
