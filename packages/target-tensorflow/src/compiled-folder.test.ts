import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { prune } from './compiled-folder.ts';

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
