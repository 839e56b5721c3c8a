import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

/*
 * The page must not compile against a schema that lacks what it uses: tried on a copy of the page and of @tessera/client,
 * with the types of another schema. That the types are those of the schema is a test of @tessera/client.
 */

const playground = fileURLToPath(new URL('../..', import.meta.url));
const root = join(playground, '../..');
const copy = mkdtempSync(join(tmpdir(), 'tessera-typed-'));
const tsc = join(dirname(createRequire(import.meta.url).resolve('@typescript/native/package.json')), 'bin/tsc');
const generated = join(copy, 'client/generated.ts');

beforeAll(() => {
  const filter = (path: string) => !path.includes('.test.');
  cpSync(join(playground, 'src'), join(copy, 'src'), { recursive: true, filter });
  cpSync(join(root, 'packages/client/src'), join(copy, 'client'), { recursive: true, filter });
  cpSync(join(playground, 'package.json'), join(copy, 'package.json'));
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  const own = JSON.parse(readFileSync(join(playground, 'tsconfig.json'), 'utf8')) as { compilerOptions: object };
  const compilerOptions = { ...own.compilerOptions, paths: { '@tessera/client': ['./client/index.ts'] } };
  const config = { ...own, extends: join(root, 'tsconfig.base.json'), compilerOptions };
  writeFileSync(join(copy, 'tsconfig.json'), JSON.stringify(config));
});

afterAll(() => rmSync(copy, { recursive: true, force: true }));

it('refuses to compile where a field or an input of the schema has another name', () => {
  const types = readFileSync(generated, 'utf8');
  const changed = types
    .replaceAll('readonly milliseconds: number', 'readonly duration: number')
    .replace(/(?<=type CreateGenerationInput = \{[^}]*)readonly images\?/, 'readonly pictures?');
  expect(changed).toContain('readonly pictures?');
  writeFileSync(generated, changed);
  const { stdout: text } = spawnSync(process.execPath, [tsc, '-p', '.'], { cwd: copy, encoding: 'utf8' });
  expect(text).toMatch(/generation-state\.ts.*'milliseconds' does not exist/);
  expect(text).toMatch(/settings\.ts.*'images' does not exist/);
});
