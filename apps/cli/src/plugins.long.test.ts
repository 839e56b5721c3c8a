import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

const bin = resolve(import.meta.dirname, '../bin/tessera.mjs');
let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'tessera-waiting-'))));
afterAll(() => rmSync(folder, { recursive: true }));

it('leaves out a module whose import waits for an hour, after half a minute, and ends', () => {
  writeFileSync(join(folder, 'waits.mjs'), 'await new Promise((done) => setTimeout(done, 3_600_000));');
  writeFileSync(join(folder, 'tessera.config.mjs'), "export const config = { plugins: ['./waits.mjs'] };");
  const { status, stderr } = spawnSync(process.execPath, [bin, 'plugins'], { encoding: 'utf8', cwd: folder });
  expect(stderr).toMatch(/^\[\.\/waits\.mjs\] got an error .*: no end of it for 30 s; .*\(plugin-import\)\n$/);
  expect(status).toBe(1);
});
