import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

const bin = resolve(import.meta.dirname, '../bin/tessera.mjs');
const card = resolve(import.meta.dirname, '../../../models/digits-var/model.json');

/** Colours a terminal, adds a line of its own, and turns the text after it around. */
const evil = '\u001b[31mred\u202e\nall is well\u009b';
const acting = /(?!\n)\p{Cc}|\u202e/u;
const long = 'n'.repeat(3000);

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'tessera-untrusted-'))));
afterAll(() => rmSync(folder, { recursive: true }));

function tessera(...args: string[]) {
  const { stdout, stderr } = spawnSync(process.execPath, [bin, ...args], { encoding: 'utf8', cwd: folder });
  return { stdout, stderr };
}

/** A file of one number under each name. */
function safetensors(names: readonly string[]): string {
  const tensors = names.map((name, i) => [name, { dtype: 'F32', shape: [1], data_offsets: [4 * i, 4 * i + 4] }]);
  const header = Buffer.from(JSON.stringify(Object.fromEntries(tensors)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const path = join(folder, 'odd.safetensors');
  writeFileSync(path, Buffer.concat([length, header, Buffer.alloc(4 * names.length)]));
  return path;
}

it('shows names of tensors as text that does nothing, cut where they are endless, and whole as JSON', () => {
  const file = safetensors([evil, long]);
  const { stdout, stderr } = tessera('inspect', file);
  expect([stdout.match(acting), stderr]).toEqual([null, '']);
  const lines = stdout.trimEnd().split('\n');
  expect(lines).toHaveLength(3);
  expect(lines[0]).toMatch(/^\\u001b\[31mred\\u202e\\nall is well\\u009b +float32/);
  expect(lines[1]!.length).toBeLessThan(200);
  const json = tessera('inspect', file, '--json').stdout;
  expect(json).not.toMatch(acting);
  expect(JSON.parse(json).tensors.map(({ name }: { name: string }) => name)).toEqual([evil, long]);
});

it('says in one line what it cannot import, whatever the names are', () => {
  const { stderr } = tessera('import', '--transformer', safetensors([evil, long]), '--out', join(folder, evil));
  expect(stderr).toMatch(/^\[.*\n$/);
  expect(stderr.replace('\n', '')).not.toMatch(acting);
  expect(stderr.length).toBeLessThan(2000);
});

it('shows what a model says of itself as text', async () => {
  const { default: manifest } = await import(card, { with: { type: 'json' } });
  const model = join(folder, 'models', 'odd');
  mkdirSync(model, { recursive: true });
  const said = { ...manifest, name: `odd${evil}`, title: evil, description: evil, licence: long };
  writeFileSync(join(model, 'model.json'), `\ufeff${JSON.stringify(said)}`);
  const list = tessera('models');
  const page = tessera('models', 'odd');
  expect(list).toEqual({ stdout: expect.stringMatching(/^odd\\u001b\[31mred.*\n$/), stderr: '' });
  expect(page.stderr).toBe('');
  for (const { stdout } of [list, page]) expect(stdout).not.toMatch(acting);
  expect(page.stdout).toMatch(/^ {2}licence +n+\.\.\. 1\d{3} more characters \.\.\.n+$/m);
});
