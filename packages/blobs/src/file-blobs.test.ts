import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { fileBlobs, type StoredBlob } from './index.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-files-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const png = Uint8Array.from({ length: 5000 }, (_, i) => (i * 2654435761) >>> 9);
const sha256 = createHash('sha256').update(png).digest('hex');
let count = 0;
const folder = () => join(root, String(count++));
const fileIn = (directory: string) => join(directory, sha256.slice(0, 2), `${sha256}.png`);

async function listed(directory: string): Promise<StoredBlob[]> {
  const all = [];
  for await (const blob of fileBlobs(directory).list()) all.push(blob);
  return all;
}

it('leaves drafts of processes that live, removes those of an hour ago, and nothing of others', async () => {
  const directory = folder();
  const beside = join(directory, 'ab');
  const named = 'ab'.repeat(32);
  const drafts = [join(directory, 'drafts', 'one'), join(beside, `${named}.png.0c6b7e1c-9f51-4be1-8b7a-0f1d2f6a7c11`)];
  const young = join(directory, 'drafts', 'two');
  const ofOthers = [`${named}.png`, `${named}.png.bak`, 'notes.txt'].map((name) => join(beside, name));
  mkdirSync(join(directory, 'drafts'), { recursive: true });
  mkdirSync(beside);
  for (const file of [...drafts, young, ...ofOthers]) writeFileSync(file, 'half');
  const old = new Date(Date.now() - 2 * 60 * 60 * 1000);
  for (const file of [...drafts, ...ofOthers]) utimesSync(file, old, old);
  await listed(directory);
  expect(drafts.map(existsSync)).toEqual([false, false]);
  expect([young, ...ofOthers].map(existsSync)).toEqual([true, true, true, true]);
});

it.each([
  ['emptied', new Uint8Array(0)],
  ['cut short', png.subarray(0, 4000)],
  ['full of zeros', new Uint8Array(5000)],
])('does not serve a file that a power cut has %s, and puts it again', async (_, damaged) => {
  const directory = folder();
  await fileBlobs(directory).put(png, { durable: false });
  writeFileSync(fileIn(directory), damaged);
  const after = fileBlobs(directory);
  expect(await after.read(sha256)).toBe(null);
  expect(await after.fileOf(sha256)).toBe(null);
  expect(await after.put(png)).toBe(sha256);
  expect(await after.sizeOf(sha256)).toBe(5000);
});

it('never loses a picture that is put while it is removed', async () => {
  const directory = folder();
  const [putter, remover] = [fileBlobs(directory), fileBlobs(directory)];
  const old = new Date(Date.now() - 60_000);
  for (let round = 0; round < 300; round++) {
    await putter.put(png, { durable: false });
    utimesSync(fileIn(directory), old, old);
    const put = putter.put(png, { durable: false });
    await Promise.all([put, remover.remove([sha256], new Date(Date.now() - 30_000))]);
    expect(await putter.sizeOf(sha256)).toBe(5000);
  }
});

it('lists an empty place and one that is not there', async () => {
  expect(await listed(folder())).toEqual([]);
});
