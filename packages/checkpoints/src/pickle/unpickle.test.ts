import { describe, expect, it } from 'vitest';
import { TesseraError } from '@tessera/errors';
import { flatten } from '../torch/flatten.ts';
import { torchEnvironment } from '../torch/environment.ts';
import { unpickle } from './unpickle.ts';
import type { PickleValue } from './value.ts';

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
