import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isTesseraError } from '@tessera/errors';
import { bytesPerElement, elementCount } from './dtype.ts';
import { openCheckpoint, type OpenOptions } from './open-checkpoint.ts';
import { fixture, inTemporaryFolder } from './testing/test-files.ts';

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
