import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pictureNotes } from './picture-notes.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-notes-'));
});
afterAll(() => rm(folder, { recursive: true }));

it('takes a picture again only where it is the one that was made of the same', async () => {
  const [file, picture] = [join(folder, 'pictures.json'), join(folder, 'vq.png')];
  await writeFile(picture, 'pixels');
  const first = await pictureNotes(file);
  expect(await first.holds(picture, 'these weights')).toBe(false);
  await first.write(picture, 'these weights');
  const second = await pictureNotes(file);
  expect(await second.holds(picture, 'these weights')).toBe(true);
  expect(await second.holds(picture, 'other weights')).toBe(false);
  await writeFile(picture, 'other pixels');
  expect(await second.holds(picture, 'these weights')).toBe(false);
  await rm(picture);
  expect(await second.holds(picture, 'these weights')).toBe(false);
});
