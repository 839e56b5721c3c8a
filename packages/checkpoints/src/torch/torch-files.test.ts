import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TesseraError } from '@tessera/errors';
import { toFloat32 } from '../convert.ts';
import { openCheckpoint } from '../open-checkpoint.ts';
import { inTemporaryFolder, refusal, tensorPickle, testZip, type TestEntry } from '../testing/test-files.ts';
import { torchEnvironment } from './allow-list.ts';
import type { PickleValue } from './pickle-values.ts';
import { flatten } from './torch-checkpoint.ts';
import { unpickle } from './unpickle.ts';

const values = Float32Array.from({ length: 6 }, (_, index) => index + 0.5);
const storage: TestEntry = { name: 'm/data/0', bytes: new Uint8Array(values.buffer) };
const whole = { elements: 6, shape: [2, 3], strides: [3, 1] };

async function readX(entries: readonly TestEntry[]): Promise<number[]> {
  return inTemporaryFolder(async (folder) => {
    const path = join(folder, 'x.pth');
    await writeFile(path, testZip(entries));
    const file = await openCheckpoint(path);
    try {
      return [...toFloat32(await file.read('x'), 'float32', { who: path, name: 'x' })];
    } finally {
      await file.close();
    }
  });
}

function describing(tensor: Parameters<typeof tensorPickle>[0]): TestEntry {
  return { name: 'm/data.pkl', bytes: tensorPickle(tensor) };
}

describe('the zip form', () => {
  it('reads zip64 entries and tolerates unknown ones', async () => {
    const unknown = { name: 'm/.format_version', bytes: Buffer.from('1') };
    const wide = [describing(whole), { ...storage, wide: true }, unknown];
    expect(await readX(wide)).toEqual([...values]);
  });

  it('honours the byte order', async () => {
    const swapped = { ...storage, bytes: Buffer.from(storage.bytes).swap32() };
    const order = { name: 'm/byteorder', bytes: Buffer.from('big') };
    expect(await readX([describing(whole), swapped, order])).toEqual([...values]);
    const odd = { name: 'm/byteorder', bytes: Buffer.from('middle') };
    expect((await refusal(readX([describing(whole), storage, odd]))).code).toBe('pickle-malformed');
  });

  it.each([
    ['uint16', [0, 1, 0, 2, 0, 3, 0, 4], [1, 0, 3, 0, 2, 0, 4, 0]],
    ['complex64', [0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4], [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0]],
    ['float8_e5m2', [1, 2, 3, 4], [1, 3, 2, 4]],
  ])('honours the byte order and the strides of bare bytes: %s', async (type, stored, expected) => {
    await inTemporaryFolder(async (folder) => {
      const path = join(folder, 'x.pth');
      const side = type === 'complex64' ? 1 : 2;
      const view = { elements: stored.length, shape: [2, side], strides: [1, 2], type };
      const bytes = { name: 'm/data/0', bytes: Uint8Array.from(stored) };
      await writeFile(path, testZip([describing(view), bytes, { name: 'm/byteorder', bytes: Buffer.from('big') }]));
      const file = await openCheckpoint(path);
      expect([...(await file.read('x'))]).toEqual(expected);
      await file.close();
    });
  });

  it('gathers strided views', async () => {
    const transposed = { elements: 6, shape: [3, 2], strides: [1, 3] };
    expect(await readX([describing(transposed), storage])).toEqual([0.5, 3.5, 1.5, 4.5, 2.5, 5.5]);
    const expanded = { elements: 6, shape: [2, 2], strides: [0, 1], offset: 4 };
    expect(await readX([describing(expanded), storage])).toEqual([4.5, 5.5, 4.5, 5.5]);
  });

  it.each([
    ['beyond its storage', { elements: 6, shape: [2, 3], strides: [3, 1], offset: 1 }, 'tensor-out-of-bounds'],
    ['far beyond it', { elements: 6, shape: [2 ** 50, 3], strides: [2 ** 50, 1] }, 'tensor-out-of-bounds'],
    ['expanded without end', { elements: 6, shape: [2 ** 40, 3], strides: [0, 1] }, 'tensor-too-large'],
    ['of negative stride', { elements: 6, shape: [6], strides: [-1], offset: 5 }, 'pickle-malformed'],
    ['of unequal ranks', { elements: 6, shape: [6], strides: [1, 1] }, 'pickle-malformed'],
    ['of a storage that claims too much', { elements: 2 ** 40, shape: [6], strides: [1] }, 'tensor-storage-short'],
  ])('refuses a tensor %s', async (_, tensor, code) => {
    expect((await refusal(readX([describing(tensor), storage]))).code).toBe(code);
  });

  it('refuses compressed entries, two descriptions and two entries of one name', async () => {
    expect((await refusal(readX([describing(whole), { ...storage, method: 8 }]))).code).toBe('zip-compressed');
    const second = { ...describing(whole), name: 'n/data.pkl' };
    expect((await refusal(readX([describing(whole), second]))).code).toBe('checkpoint-format-unknown');
    expect((await refusal(readX([describing(whole), storage, storage]))).code).toBe('zip-malformed');
  });
});

function read(...parts: readonly (string | readonly number[])[]): PickleValue {
  const bytes = Buffer.concat([[0x80, 2], ...parts, '.'].map((part) => Buffer.from(part as string)));
  const found = unpickle(bytes, torchEnvironment('test', { unknown: 'refuse', met: new Set() }), {
    start: 0,
    who: 'test',
  });
  if (found === null) throw new Error('went on');
  return found.value;
}

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof TesseraError) return error.code;
    throw error;
  }
  return 'accepted';
}

describe('the pickle machine', () => {
  it('reads numbers of every width', () => {
    const whole = read('(', 'K\x07', 'M', [0xff, 0xff], 'J', [0xfe, 0xff, 0xff, 0xff], [0x8a, 0], [0x8a, 1, 0x80], 't');
    expect(whole).toEqual([7, 65535, -2, 0, -128]);
    expect(read([0x8a, 8, 0, 0, 0, 0, 0, 0, 0, 0x40])).toBe(2n ** 62n);
    expect(read('G', [0xbf, 0xf8, 0, 0, 0, 0, 0, 0])).toBe(-1.5);
  });

  it('shares objects through the memo', () => {
    const [first, second] = read('(', '](K\x01eq', [5], 'h', [5], 't') as PickleValue[];
    expect(first).toEqual([1]);
    expect(second).toBe(first);
  });

  it('keeps hostile keys as plain keys', () => {
    const name = Buffer.from('__proto__');
    const value = read('}', 'X', [name.length, 0, 0, 0], [...name], 'K\x01s') as Map<string, number>;
    expect([...value]).toEqual([['__proto__', 1]]);
    expect(({} as Record<string, unknown>)['0']).toBeUndefined();
  });

  it('refuses what weights never say', () => {
    expect(codeOf(() => read('cos\nsystem\n'))).toBe('pickle-global-refused');
    expect(codeOf(() => read('ctorch._utils\n_rebuild_tensor_v2\n)R'))).toBe('pickle-malformed');
    expect(codeOf(() => read('ctorch\nFloatStorage\n)R'))).toBe('pickle-malformed');
    expect(codeOf(() => read('K\x01)R'))).toBe('pickle-malformed');
    expect(codeOf(() => read('t'))).toBe('pickle-malformed');
    expect(codeOf(() => read('h', [9]))).toBe('pickle-malformed');
    expect(codeOf(() => read([0x82, 1]))).toBe('pickle-malformed');
    expect(codeOf(() => read([0x8b, 0, 0, 0, 1]))).toBe('pickle-malformed');
    expect(codeOf(() => read('}]K\x01s'))).toBe('pickle-malformed');
    expect(codeOf(() => read(new Array<number>(2_000_001).fill(0x4e)))).toBe('pickle-too-large');
  });

  it('refuses what unfolds without end', () => {
    const itself = read(']q', [0], 'h', [0], 'a');
    expect(codeOf(() => flatten(itself, 'test'))).toBe('checkpoint-too-nested');
    let wide: PickleValue = 1;
    for (let level = 0; level < 30; level++) wide = [wide, wide];
    expect(codeOf(() => flatten(wide, 'test'))).toBe('checkpoint-too-nested');
  });
});
