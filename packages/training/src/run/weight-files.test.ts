import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readWeightFile, writeWeightFile } from './weight-files.ts';

let root: string;
beforeEach(async () => void (root = await mkdtemp(join(tmpdir(), 'tessera-weight-file-'))));
afterEach(() => rm(root, { recursive: true }));

function tensor(...numbers: readonly number[]) {
  return { name: 'head.bias', shape: [numbers.length], values: () => Float32Array.from(numbers) };
}

describe('what a stage leaves', () => {
  it('is written as float16 and read again', async () => {
    const path = join(root, 'w.safetensors');
    await writeWeightFile(path, [tensor(1, -65504)]);
    const [read] = await readWeightFile(path);
    expect([...(await read!.values())]).toEqual([1, -65504]);
  });

  it('keeps counts that the model does not read, and says that they are such', async () => {
    const path = join(root, 'w.safetensors');
    await writeWeightFile(path, [tensor(1), { ...tensor(1e6), name: 'hits', buffer: true }]);
    const read = await readWeightFile(path);
    expect(read.map(({ name, buffer }) => [name, buffer])).toEqual([
      ['hits', true],
      ['head.bias', false],
    ]);
    expect([...(await read[0]!.values())]).toEqual([1e6]);
  });

  it.each([
    [[1, 70000], 'number-out-of-range', 'got head.bias[1] = 70000; expected numbers of at most 65504'],
    [[NaN], 'weights-not-finite', 'got head.bias[0] = NaN'],
    [[0, -Infinity], 'weights-not-finite', 'got head.bias[1] = -Infinity'],
  ])('is refused where it could not be used: %j', async (numbers, code, words) => {
    const written = writeWeightFile(join(root, 'w.safetensors'), [tensor(...numbers)]);
    await expect(written).rejects.toMatchObject({ code, message: expect.stringContaining(words) as string });
    expect(await readdir(root)).toEqual([]);
  });
});
