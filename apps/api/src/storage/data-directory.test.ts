import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { takeDataDirectory } from './data-directory.ts';

let root: string;
beforeAll(() => void (root = mkdtempSync(join(tmpdir(), 'tessera-data-'))));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const refusal = (work: Promise<unknown>) =>
  work.then(
    () => 'was taken',
    ({ code, message }: { code: string; message: string }) => `${code} ${message}`,
  );

describe('a data directory', () => {
  it('that is a file, leads through one, or cannot be made is refused in one sentence', async () => {
    const file = join(root, 'file');
    writeFileSync(file, '');
    const sentence = (got: string) =>
      expect.stringMatching(
        `^data-directory-unusable \\[api\\] got the data directory .*: ${got}; expected a folder.* Set`,
      );
    expect(await refusal(takeDataDirectory(file))).toEqual(sentence('.*file, which is a file'));
    expect(await refusal(takeDataDirectory(join(file, 'sub')))).toEqual(sentence('a path that leads through a file'));
    if (process.platform === 'linux')
      expect(await refusal(takeDataDirectory('/proc/tessera/data'))).toEqual(sentence('/proc, in which nothing .*'));
  });

  it.skipIf(process.getuid?.() === 0)('without permission is refused', async () => {
    const closed = join(root, 'closed');
    await mkdir(closed, { mode: 0o500 });
    expect(await refusal(takeDataDirectory(closed))).toContain('no permission to write there');
  });

  it('is made and taken, and nothing else is left in it', async () => {
    const fresh = join(root, 'a/b/data');
    const unlock = await takeDataDirectory(fresh);
    expect(readdirSync(fresh)).toEqual(['lock']);
    unlock();
    expect(readdirSync(fresh)).toEqual([]);
  });
});
