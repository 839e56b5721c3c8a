import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isTesseraError } from '@tessera/errors';
import { bytesPerElement, elementCount, type Checkpoint } from './checkpoint.ts';
import { toFloat32 } from './convert.ts';
import { openCheckpoint, type OpenOptions } from './open-checkpoint.ts';
import { fixture, inTemporaryFolder, refusal } from './testing/test-files.ts';

async function withFiles(names: readonly string[], work: (...files: Checkpoint[]) => Promise<void>): Promise<void> {
  const files = await Promise.all(names.map((name) => openCheckpoint(fixture(name))));
  try {
    await work(...files);
  } finally {
    for (const file of files) await file.close();
  }
}

async function expectSame(actual: Checkpoint, expected: Checkpoint, prefix = ''): Promise<void> {
  expect([...actual.tensors.keys()].filter((name) => name.startsWith(prefix)).sort()).toEqual(
    [...expected.tensors.keys()].map((name) => prefix + name).sort(),
  );
  for (const { name, dtype, shape } of expected.tensors.values()) {
    const tensor = actual.tensors.get(prefix + name);
    expect(tensor, name).toMatchObject({ dtype, shape });
    expect(Buffer.from(await actual.read(prefix + name)).equals(await expected.read(name)), name).toBe(true);
  }
}

describe('files that torch.save wrote', () => {
  it.each([
    ['var_micro.pth', 'pth_micro_var.safetensors', 'torch-zip'],
    ['var_micro_legacy.pth', 'pth_micro_var_trainer.safetensors', 'torch-legacy'],
    ['mixed_dtypes.pth', 'mixed_dtypes.expected.safetensors', 'torch-zip'],
    ['mixed_dtypes_legacy.pth', 'mixed_dtypes.expected.safetensors', 'torch-legacy'],
  ])('reads %s exactly', async (name, expected, format) => {
    await withFiles([name, expected], async (actual, wanted) => {
      expect(actual!.format).toBe(format);
      await expectSame(actual!, wanted!);
    });
  });

  it('reads nested dicts, parameters, a Namespace and plain values under dotted names', async () => {
    const names = ['checkpoint-last_micro.pth', 'pth_micro_mar_model.safetensors', 'pth_micro_mar_ema.safetensors'];
    await withFiles(names, async (file, model, average) => {
      await expectSame(file!, model!, 'model.');
      await expectSame(file!, average!, 'model_ema.');
      expect(file!.values.get('epoch')).toBe(7);
      expect(file!.values.get('args.batch_size')).toBe(64);
    });
  });

  it.each([
    ['var_micro_half.pth', 'float16', 2 ** -11],
    ['var_micro_bf16.pth', 'bfloat16', 2 ** -8],
  ] as const)('widens %s', async (name, dtype, relative) => {
    await withFiles([name, 'pth_micro_var.safetensors'], async (half, full) => {
      expect(half!.tensors.get('head.weight')!.dtype).toBe(dtype);
      const wide = toFloat32(await half!.read('head.weight'), dtype, { who: 'half', name: 'head.weight' });
      const exact = toFloat32(await full!.read('head.weight'), 'float32', { who: 'full', name: 'head.weight' });
      wide.forEach((value, index) => {
        expect(Math.abs(value - exact[index]!)).toBeLessThanOrEqual(Math.abs(exact[index]!) * relative + 2 ** -25);
      });
    });
  });

  it('says where contiguous tensors lie, so that they can be mapped', async () => {
    await withFiles(['mixed_dtypes.pth'], async (file) => {
      const bytes = await readFile(file!.path);
      for (const { name, location } of file!.tensors.values()) {
        if (location === null) continue;
        const there = bytes.subarray(location.offset, location.offset + location.byteLength);
        expect(there.equals(await file!.read(name)), name).toBe(true);
      }
      expect(file!.tensors.get('transposed_view')!.location).toBeNull();
      expect(file!.tensors.get('row_slice_view')!.location).not.toBeNull();
    });
  });

  it('refuses a name that is not there', async () => {
    await withFiles(['var_micro.pth', 'pth_micro_var.safetensors'], async (torch, safetensors) => {
      expect((await refusal(torch!.read('nope'))).code).toBe('tensor-unknown');
      expect((await refusal(safetensors!.read('nope'))).code).toBe('tensor-unknown');
    });
  });
});

describe('files that are refused', () => {
  it.each([
    ['malicious_os_system.pth', 'pickle-global-refused', 'posix.system'],
    ['malicious_raw_pickle.pth', 'pickle-global-refused', 'posix.system'],
    ['malicious_builtins_eval.pth', 'pickle-global-refused', '__builtin__.eval'],
    ['missing_storage.pth', 'tensor-storage-missing', 'storage "1"'],
    ['short_storage.pth', 'tensor-storage-short', '4 bytes for storage "1"'],
    ['nowhere.pth', 'checkpoint-unreadable', 'got no file'],
    ['.', 'checkpoint-unreadable', 'not a file'],
  ])('%s: %s', async (name, code, words) => {
    const error = await refusal(openCheckpoint(fixture(name)));
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
    expect(existsSync('/tmp/pwned_by_pickle')).toBe(false);
  });

  it.each([
    ['var_micro.pth', 0.6, 'checkpoint-truncated'],
    ['var_micro_legacy.pth', 0.7, 'checkpoint-truncated'],
    ['var_micro_legacy.pth', 0.01, 'pickle-malformed'],
    ['pth_micro_var.safetensors', 0.5, 'safetensors-offsets'],
    ['pth_micro_var.safetensors', 0.001, 'checkpoint-truncated'],
    ['var_micro.pth', 0, 'checkpoint-empty'],
  ])('%s cut at %d: %s', async (name, part, code) => {
    await inTemporaryFolder(async (folder) => {
      const bytes = await readFile(fixture(name));
      const path = join(folder, 'cut');
      await writeFile(path, bytes.subarray(0, Math.floor(bytes.length * part)));
      expect((await refusal(openCheckpoint(path))).code).toBe(code);
    });
  });

  it('a file of another kind', async () => {
    expect((await refusal(openCheckpoint(fixture('../package.json')))).code).toBe('checkpoint-format-unknown');
  });
});

const pointer = `version https://git-lfs.github.com/spec/v1
oid sha256:${'0'.repeat(64)}
size 435000000
`;

describe('what stands in the place of weights', () => {
  it.each([
    [
      'a pointer of Git LFS',
      pointer,
      'a pointer of Git LFS, which stands for a file of 435000000 bytes',
      'git lfs pull',
    ],
    ['a page', '\n<!DOCTYPE html>\n<html><head>', 'a web page', 'Download the file itself'],
    ['a long page', `<html>${'ä'.repeat(5000)}`, 'a web page', 'Download the file itself'],
    ['an answer of a store', '<?xml version="1.0"?><Error>AccessDenied</Error>', 'a web page', 'Download'],
    ['a message', 'Entry not found', 'a text that begins with "Entry not found"', 'its download went well'],
    ['an index', '{"metadata":{"total_size":3}}', 'a text that begins with', 'the file you meant'],
  ])('%s is recognised', async (_, text, got, next) => {
    await inTemporaryFolder(async (folder) => {
      const path = join(folder, 'weights.safetensors');
      await writeFile(path, text);
      const error = await refusal(openCheckpoint(path));
      expect(error.code).toBe('checkpoint-format-unknown');
      expect(error.message).toContain(got);
      expect(error.message).toContain(next);
    });
  });
});

const rounds = 400;
const largestTensor = 2 ** 26;

/** A small fixed generator, so that a failure can be repeated. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function damage(bytes: Buffer, random: (below: number) => number): Buffer {
  const damaged = Buffer.from(bytes);
  for (let flips = 1 + random(6); flips > 0; flips--) damaged[random(damaged.length)] = random(256);
  return random(4) === 0 ? damaged.subarray(0, random(damaged.length)) : damaged;
}

/** Opens a file and reads all of it. @returns whether it was accepted */
async function survives(path: string, options: OpenOptions): Promise<boolean> {
  try {
    const file = await openCheckpoint(path, options);
    try {
      for (const { name, dtype, shape } of file.tensors.values()) {
        expect(elementCount(shape) * bytesPerElement(dtype)).toBeLessThan(largestTensor);
        await file.read(name);
      }
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if (isTesseraError(error)) return false;
    throw error;
  }
}

describe('damaged files', () => {
  it.each([
    ['mixed_dtypes.pth', 1],
    ['mixed_dtypes_legacy.pth', 2],
    ['mixed_dtypes.expected.safetensors', 3],
    ['malicious_os_system.pth', 4],
    ['torch_types.pth', 5],
    ['torch_types_legacy.pth', 6],
    ['unknown_objects.pth', 7, 'skip'],
    ['malicious_os_system.pth', 8, 'skip'],
  ] as const)('%s is read or refused in words (%d)', async (name, seed, unknown: OpenOptions['unknown'] = 'refuse') => {
    const bytes = await readFile(fixture(name));
    const random = generator(seed);
    let refused = 0;
    await inTemporaryFolder(async (folder) => {
      const path = join(folder, 'damaged');
      for (let round = 0; round < rounds; round++) {
        await writeFile(path, damage(bytes, random));
        if (!(await survives(path, { unknown }))) refused += 1;
      }
    });
    expect(refused).toBeGreaterThan(rounds / 4);
    expect(existsSync('/tmp/pwned_by_pickle') || existsSync('/tmp/pwned_by_skipping')).toBe(false);
  });
});
