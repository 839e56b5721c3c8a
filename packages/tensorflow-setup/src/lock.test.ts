import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { lock } from './lock.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-lock-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the lock of a setup', () => {
  it('keeps others out until it is released, and no one out when its holder has died', () => {
    const file = join(folder, 'setup.lock');
    const unlock = lock(file);
    expect(() => lock(file)).toThrow(new RegExp(`process ${process.pid}`));
    unlock();
    expect(existsSync(file)).toBe(false);
    writeFileSync(file, '2147483646'); // above what Linux gives
    lock(file)();
    expect(existsSync(file)).toBe(false);
  });
});
