import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openStore } from '../open-store.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-unusable-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const refusal = (work: Promise<unknown>) =>
  work.then(
    () => 'was taken',
    ({ code, message }: { code: string; message: string }) => `${code} ${message}`,
  );

describe('what lies in the place of a database', () => {
  it('is refused in one sentence, and left as it is', { tags: ['long'] }, async () => {
    const sound = join(root, 'sound');
    await mkdir(sound);
    await (await openStore({ directory: sound })).close();
    const changed: Readonly<Record<string, (folder: string) => void>> = {
      'a file': (folder) => {
        rmSync(folder, { recursive: true });
        writeFileSync(folder, 'x');
      },
      'a database of PostgreSQL 12': (folder) => writeFileSync(join(folder, 'PG_VERSION'), '12\n'),
      'a database': (folder) => writeFileSync(join(folder, 'global/pg_control'), new Uint8Array(8192)),
    };
    for (const [name, change] of Object.entries(changed)) {
      const directory = join(root, name);
      cpSync(sound, directory, { recursive: true });
      change(join(directory, 'database'));
      const said = await refusal(openStore({ directory }));
      expect(said).toMatch(
        /^database-unusable \[store\] got a (file|database) .*database.* that cannot be opened; expected/,
      );
      expect(said.includes('of PostgreSQL 12')).toBe(name.endsWith('12'));
      expect(existsSync(join(directory, 'database'))).toBe(true);
    }
  });
});
