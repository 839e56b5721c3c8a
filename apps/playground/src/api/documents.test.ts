import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

/* The page must not compile against a schema that lacks what it asks for: tried on a copy with a changed schema. */

const playground = fileURLToPath(new URL('../..', import.meta.url));
const root = join(playground, '../..');
const schema = readFileSync(join(root, 'apps/api/schema.graphql'), 'utf8');
const copy = mkdtempSync(join(tmpdir(), 'tessera-documents-'));
const { resolve } = createRequire(import.meta.url);
const tada = join(dirname(resolve('gql.tada/package.json')), 'bin/cli.js');
const tsc = join(dirname(resolve('typescript/package.json')), 'bin/tsc');

beforeAll(() => {
  cpSync(join(playground, 'src'), join(copy, 'src'), { recursive: true, filter: (path) => !path.includes('.test.') });
  cpSync(join(playground, 'package.json'), join(copy, 'package.json'));
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  const own = JSON.parse(readFileSync(join(playground, 'tsconfig.json'), 'utf8')) as {
    readonly compilerOptions: { readonly plugins: readonly object[] };
  };
  const { compilerOptions } = own;
  const plugins = [{ ...compilerOptions.plugins[0], schema: './schema.graphql' }];
  const config = {
    ...own,
    extends: join(root, 'tsconfig.base.json'),
    compilerOptions: { ...compilerOptions, plugins },
  };
  writeFileSync(join(copy, 'tsconfig.json'), JSON.stringify(config));
});

afterAll(() => rmSync(copy, { recursive: true, force: true }));

function run(script: string, ...args: string[]): { readonly status: number | null; readonly text: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { cwd: copy, encoding: 'utf8' });
  return { status, text: stdout + stderr };
}

it('refuses to compile where a field or an input of the schema has another name', () => {
  const changed = schema
    .replace('  milliseconds: Float!', '  duration: Float!')
    .replace('  images: [ImageInput!]\n', '  pictures: [ImageInput!]\n');
  writeFileSync(join(copy, 'schema.graphql'), changed);
  expect(run(tada, 'generate-output')).toMatchObject({ status: 0 });
  const checked = run(tada, 'check', '--fail-on-warn');
  expect(checked.status).toBe(1);
  expect(checked.text).toContain('Cannot query field "milliseconds" on type "StepEvent"');
  const { text } = run(tsc, '-p', '.');
  expect(text).toContain("'event.milliseconds' is of type 'unknown'");
  expect(text).toMatch(/settings\.ts.*'images' does not exist/);
}, 120_000);
