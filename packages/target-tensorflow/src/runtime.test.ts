import { afterAll, describe, expect, it } from 'vitest';
import { explain, prepareEnvironment } from './runtime.ts';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prune } from './runtime.ts';

it('TensorFlow is loaded quietly, sparing the memory of a GPU, unless the user wants otherwise', () => {
  const prepared: NodeJS.ProcessEnv = { TF_NUM_INTRAOP_THREADS: '7' };
  prepareEnvironment(prepared, { threads: 2, compiled: '/compiled' });
  expect(prepared).toMatchObject({ TF_FORCE_GPU_ALLOW_GROWTH: 'true', TF_NUM_INTRAOP_THREADS: '7' });
  expect(prepared).toMatchObject({ TF_XLA_FLAGS: '--tf_xla_persistent_cache_directory=/compiled' });
  const without: NodeJS.ProcessEnv = {};
  prepareEnvironment(without, { threads: 2, compiled: null });
  expect(without['TF_XLA_FLAGS']).toBeUndefined();
});

describe('errors of TensorFlow', () => {
  const failing = (message: string) => () =>
    explain('var.block', 'program-failed', () => {
      throw new Error(message);
    });

  it('keep their first line, and know a lack of memory', () => {
    expect(failing('Session fail to run with error: bad shape\nmore')).toThrow(/\[var.block\].*bad shape; expected/);
    expect(failing('OOM when allocating tensor with shape[9]')).toThrow(/enough memory on the device/);
  });
});

const folder = mkdtempSync(join(tmpdir(), 'tessera-compiled-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('what XLA has compiled', () => {
  it('is kept up to a size, the newest and all of the last day', () => {
    const now = Date.now();
    mkdirSync(join(folder, 'processor'));
    for (const days of [0, 1, 2, 3, 4]) {
      const file = join(folder, 'processor', `${days}`);
      writeFileSync(file, Buffer.alloc(100));
      utimesSync(file, now / 1000, now / 1000 - days * 86400 - 60);
    }
    prune(folder, now, 300);
    expect(readdirSync(join(folder, 'processor')).sort()).toEqual(['0', '1', '2']);
    prune(folder, now, 0);
    expect(readdirSync(join(folder, 'processor'))).toEqual(['0']);
  });
});
