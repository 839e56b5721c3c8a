import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { toNumbers } from './convert.ts';
import { openNumpyPickle } from './numpy-pickle.ts';
import { fixture, inTemporaryFolder, refusal } from './testing/test-files.ts';

/** Written by NumPy's pickling with protocol 3, under the names that it had before NumPy 2. */
describe('a pickle of NumPy arrays', () => {
  it('is read by names, shapes and types', async () => {
    const file = await openNumpyPickle(fixture('numpy_arrays.ckpt'));
    const found = [...file.tensors.values()].map(({ name, dtype, shape }) => `${name} ${dtype} [${shape}]`);
    expect(found).toEqual([
      'Net_0.Conv_0.kernel float32 [1,2,2,3]',
      'Net_0.Conv_0.bias float32 [3]',
      'count int64 []',
      'half float16 [2]',
    ]);
    const numbers = async (name: string) => {
      const of = { who: file.path, name };
      return [...toNumbers(await file.read(name), file.tensors.get(name)!.dtype, of)];
    };
    expect(await numbers('Net_0.Conv_0.kernel')).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(await numbers('Net_0.Conv_0.bias')).toEqual([0.5, -1, 2]);
    expect(await numbers('count')).toEqual([7]);
    expect(await numbers('half')).toEqual([1, 2.5]);
    expect((await refusal(file.read('nothing'))).code).toBe('tensor-unknown');
  });

  it.each([
    ['numpy_fortran.ckpt', 'tensor-unsupported', 'order of Fortran'],
    ['numpy_big_endian.ckpt', 'tensor-unsupported', 'type >f4'],
    ['numpy_objects.ckpt', 'pickle-malformed', 'without shape, type and bytes'],
    ['malicious_raw_pickle.pth', 'pickle-global-refused', 'can run code'],
    ['mixed_dtypes.pth', 'pickle-malformed', 'first byte'],
    ['none.ckpt', 'checkpoint-unreadable', 'no readable file'],
  ])('%s is refused: %s', async (name, code, words) => {
    const error = await refusal(openNumpyPickle(fixture(name)));
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
  });

  it('is refused where it was cut, or names another class, at whatever byte', async () => {
    const whole = await readFile(fixture('numpy_arrays.ckpt'));
    await inTemporaryFolder(async (folder) => {
      const path = join(folder, 'x.ckpt');
      for (const length of [2, 40, 200, whole.length - 1]) {
        await writeFile(path, whole.subarray(0, length));
        expect((await refusal(openNumpyPickle(path))).code).toBe('pickle-malformed');
      }
      await writeFile(
        path,
        Buffer.from(whole.toString('latin1').replace('cnumpy\nndarray', 'cnumpy\nfromfile'), 'latin1'),
      );
      expect((await refusal(openNumpyPickle(path))).message).toContain('"numpy.fromfile"');
    });
  });
});
