import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { silentProgress } from '@tessera/progress';
import sharp from 'sharp';
import { dataFields, openData } from './data-kinds.ts';
import { openImageFolder } from './image-folder.ts';
import { writeDataFolder } from '../report/data-folder.ts';

let cache: string;
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'tessera-avatars-'));
  vi.stubEnv('TESSERA_CACHE', cache);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(cache, { recursive: true, force: true });
});

const recipe = (own: object) =>
  dataFields.parse({ kind: 'avatars', size: 16, perClass: 12, validation: 2, test: 4, ...own }, 'x');
const open = (own: object = {}) => openData(recipe(own), { folder: '.', seed: 0 });
const all = (count: number) => Int32Array.from({ length: count }, (_, i) => i);

describe('avatars', () => {
  it('are split by style, and no picture comes twice', async () => {
    const { classes, train, validation, test, image } = await open();
    expect(classes).toEqual(['pixel-art', 'lorelei', 'open-peeps', 'thumbs', 'notionists']);
    expect([train.count, validation.count, test.count]).toEqual([60, 10, 20]);
    for (const split of [train, validation, test]) {
      const counts = classes.map((_, label) => split.label_N.filter((own) => own === label).length);
      expect(new Set(counts).size).toBe(1);
    }
    const size = image.height * image.width * image.channels;
    const seen = new Set<string>();
    for (const split of [train, validation, test]) {
      const pixels = await split.read(all(split.count));
      for (let n = 0; n < split.count; n++) seen.add(String(pixels.subarray(n * size, (n + 1) * size)));
    }
    expect(seen.size).toBe(90);
  });

  it('have attributes for their own style alone', async () => {
    const { attributes, train, classes } = await open();
    for (const [n, label] of train.label_N.entries()) {
      for (const [column, { name, values, label: of }] of attributes!.entries()) {
        const value = train.attribute_NA![n * attributes!.length + column]!;
        expect(name.startsWith(`${classes[of]!}.`)).toBe(true);
        expect(value).toBeGreaterThanOrEqual(label === of ? 0 : -1);
        expect(value).toBeLessThan(label === of ? values.length : 0);
      }
    }
  });

  it('have inputs of the fields that a recipe chooses', async () => {
    const [plain, told] = [await open(), await open({ input: ['text', 'class'] })];
    expect(plain.train.inputs).toBeUndefined();
    for (const [n, all] of told.test.inputs!.entries()) {
      const style = told.classes[told.test.label_N[n]!]!;
      const [first] = all as { text: string; class: string }[];
      expect(first).toEqual({ text: expect.stringContaining(`${style.replace('-', ' ')} avatar`), class: style });
      expect(all).toHaveLength(4);
    }
    const [{ attributes }] = (await open({ input: ['attributes'] })).train.inputs![0] as [{ attributes: object }];
    expect(attributes).toMatchObject({ background: expect.stringMatching(/^#/), glasses: expect.any(String) });
    expect(told.said).toHaveLength(told.attributes!.length);
  });

  it('come from the cache when they are there, and are drawn again when it is damaged', async () => {
    const before = await open({ perClass: 3 });
    const digest = await before.train.digest();
    const files = await readdir(join(cache, 'data'));
    const written = await Promise.all(files.map((name) => readFile(join(cache, 'data', name))));
    expect(await (await open({ perClass: 3 })).train.digest()).toBe(digest);
    const at = written.findIndex(({ length }) => length === Math.min(...written.map((bytes) => bytes.length)));
    const path = join(cache, 'data', files[at]!);
    const damaged = Buffer.from(written[at]!);
    damaged[damaged.length - 1]! ^= 1;
    await writeFile(path, damaged);
    expect(await (await open({ perClass: 3 })).train.digest()).toBe(digest);
    expect(await readFile(path)).toEqual(written[at]);
  });

  it('keep their test images whatever the other splits are, and limit training alike', async () => {
    const [one, other] = [await open(), await open({ perClass: 3, limit: 10 })];
    expect(await one.test.digest()).toBe(await other.test.digest());
    expect([...other.train.label_N]).toEqual([0, 1, 2, 3, 4, 0, 1, 2, 3, 4]);
  });

  it('are refused with a style twice, and in more bytes than memory holds', async () => {
    expect(() => recipe({ styles: ['thumbs', 'thumbs'] })).toThrow(/each of them once/);
    await expect(open({ size: 512, perClass: 2000 })).rejects.toMatchObject({ code: 'avatars-too-large' });
  });
});

describe('a folder of data', () => {
  it('holds a picture for each line of its metadata, and is not written over another', async () => {
    const data = await open({ perClass: 3 });
    const out = join(cache, 'folder');
    const progress = () => () => silentProgress;
    expect(await writeDataFolder(data, { out, count: 2, progress })).toEqual({ pictures: 30, classes: 5 });
    const lines = (await readFile(join(out, 'metadata.jsonl'), 'utf8')).trimEnd().split('\n');
    const rows = lines.map(
      (line) => JSON.parse(line) as { file_name: string; class: string; split: string; attributes: object },
    );
    expect(rows).toHaveLength(30);
    for (const { file_name, class: of, split } of rows) {
      const [member] = /\d+/.exec(file_name.split('/')[1]!)!;
      const { pixels } = await fileBytes(join(out, file_name));
      const own = await data[split as 'test'].read(Int32Array.of(Number(member)));
      expect([...pixels]).toEqual([...own].map((value) => Math.round(value * 255)));
      expect(file_name.startsWith(`${of}/${split}-`)).toBe(true);
    }
    expect(Object.keys(rows[0]!.attributes)).toContain('glasses');
    expect((await fileBytes(join(out, 'sheet.png'))).width).toBe(2 * (16 * 16 + 0) + 2 * 17);
    const told = await open({ perClass: 3, input: ['text'] });
    await writeDataFolder(told, { out: join(cache, 'told'), count: 1, progress });
    const read = await openImageFolder({
      size: 16,
      channels: 3,
      validation: 0,
      test: 0,
      seed: 0,
      path: join(cache, 'told'),
      input: ['text'],
    });
    expect(read.train.inputs!.flat()).toEqual(expect.arrayContaining([...told.test.inputs![0]!]));
    await expect(writeDataFolder(data, { out, count: 2, progress })).rejects.toMatchObject({
      code: 'folder-not-empty',
    });
  });
});

async function fileBytes(path: string) {
  const { data, info } = await sharp(path).raw().toBuffer({ resolveWithObject: true });
  return { pixels: data, width: info.width };
}
