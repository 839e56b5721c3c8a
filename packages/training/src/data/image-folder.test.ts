import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openPicture, prepareEdit } from '@tessera/pictures';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findImages, foundSentence, openImageFolder } from './image-folder.ts';

import sharp from 'sharp';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-folder-'));
});
afterAll(() => rm(folder, { recursive: true }));

const picture = (level: number) =>
  sharp({ create: { width: 6, height: 4, channels: 3, background: { r: level, g: level, b: level } } });
const png = (level: number) => picture(level).png().toBuffer();

/** A folder with these files; a number stands for a gray PNG of that level. */
async function folderOf(name: string, files: Readonly<Record<string, number | string | Uint8Array>>): Promise<string> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name, path)), { recursive: true });
    await writeFile(join(folder, name, path), typeof content === 'number' ? await png(content) : content);
  }
  return join(folder, name);
}

const whole = { size: 4, channels: 1, validation: 0, test: 0, seed: 1 } as const;

/** Labels and gray levels of all images, in their order. */
async function levels(path: string): Promise<(readonly [number, number])[]> {
  const { train } = await openImageFolder({ path, ...whole });
  const pixels = await train.read(Int32Array.from({ length: train.count }, (_, i) => i));
  return [...train.label_N].map((label, n) => [label, Math.round(pixels[16 * n]! * 255)] as const);
}

describe('a folder with texts beside its images', () => {
  const line = (file_name: string, text: string) => JSON.stringify({ file_name, text, by: 'me' });

  it('gives every image what its lines say', async () => {
    const lines = [line('b.png', 'light'), line('./sub/a.png', 'dark'), '', line('b.png', 'white')];
    const path = await folderOf('told', { 'sub/a.png': 10, 'b.png': 200, 'metadata.jsonl': lines.join('\n') });
    const { train } = await openImageFolder({ path, ...whole, input: ['text'] });
    expect(train.inputs).toEqual([[{ text: 'light' }, { text: 'white' }], [{ text: 'dark' }]]);
    expect((await openImageFolder({ path, ...whole })).train.inputs).toBeUndefined();
  });

  it.each([
    ['no file', {}, 'inputs-missing', 'no such file'],
    ['no line', { 'metadata.jsonl': line('b.png', 'light') }, 'too-few-images', '1 without a line in metadata.jsonl'],
    ['no JSON', { 'metadata.jsonl': 'a.png: dark' }, 'inputs-malformed', 'line 1'],
    ['no name', { 'metadata.jsonl': '{"text":"dark"}' }, 'inputs-malformed', 'expected a JSON object with file_name'],
  ])('is refused with %s', async (what, files, code, said) => {
    const path = await folderOf(`untold ${what}`, { 'a.png': 10, ...files });
    const refusal = { code, message: expect.stringContaining(said) };
    await expect(openImageFolder({ path, ...whole, input: ['text'] })).rejects.toMatchObject(refusal);
  });
});

describe('a folder as people have it', () => {
  it('gives every picture its class, and tells what was skipped', async () => {
    const path = await folderOf('messy', {
      'cat/1.PNG': 10,
      'cat/2.jfif': await picture(20).jpeg().toBuffer(),
      'cat/2020/summer/3.png': 30,
      'cat/empty.png': '',
      'cat/also-empty.jpg': '',
      'cat/photo.HEIC': 'of no use',
      'cat/other.heic': 'of no use',
      'cat/notes.txt': 'of no use',
      'cat/.DS_Store': 'of no use',
      'cat/README': 'of no use',
      'cat/strange.\u001b[31m': 'of no use',
      'dog/4.bmp': bitmap(40),
      'Zebra/5.gif': await picture(50).gif().toBuffer(),
      'Zebra/6.webp': await picture(60).webp({ lossless: true }).toBuffer(),
      'Zebra/7.tif': await picture(70).tiff().toBuffer(),
      'Zebra/8.avif': await picture(80).avif({ lossless: true }).toBuffer(),
      'Zebra/__MACOSX/9.png': 90,
      'elsewhere.png': 99,
      '.ipynb_checkpoints/cat.png': 1,
      '__MACOSX/cat/1.png': 1,
    });
    await mkdir(join(folder, 'others'));
    await writeFile(join(folder, 'others', 'a.png'), await png(41));
    await writeFile(join(folder, 'others', 'b.png'), await png(42));
    await symlink(join(folder, 'others', 'a.png'), join(path, 'dog', '5.png'));
    await symlink(join(folder, 'others'), join(path, 'linked'));
    await symlink(join(folder, 'nowhere.png'), join(path, 'dog', '6.png'));

    const found = await findImages(path);
    expect(found.classes).toEqual(['Zebra', 'cat', 'dog', 'linked']);
    const skipped = {
      '.heic': 2,
      '.txt': 1,
      __MACOSX: 2,
      'broken link': 1,
      empty: 2,
      hidden: 2,
      'of no known kind': 2,
    };
    expect(found.skipped).toEqual(skipped);
    expect(foundSentence(found)).toBe(
      '12 images of 4 classes, 1 of them without a class; ' +
        'skipped 12: 2 .heic, 2 __MACOSX, 2 empty, 2 hidden, 2 of no known kind, 1 .txt, 1 broken link',
    );
    expect(await levels(path)).toEqual([
      [-1, 99],
      [0, 50],
      [0, 60],
      [0, 70],
      [0, 80],
      [1, 10],
      [1, 20],
      [1, 30],
      [2, 40],
      [2, 41],
      [3, 41],
      [3, 42],
    ]);
  });

  it('counts in thousands, and mentions only what was skipped', () => {
    const files = Array.from({ length: 1204 }, (_, i) => ({ path: `${i}.png`, label: i % 3 }));
    const classes = ['a', 'b', 'c'];
    expect(foundSentence({ classes, files, skipped: { empty: 3, '.heic': 9 } })).toBe(
      '1,204 images of 3 classes; skipped 12: 9 .heic, 3 empty',
    );
    expect(foundSentence({ classes: ['a'], files: files.slice(0, 1), skipped: {} })).toBe('1 image of 1 class');
  });

  it.each([
    ['its own folder', '.'],
    ['the folder above', '..'],
    ['itself', 'loop'],
  ])('is refused where a link leads back to %s', async (name, target) => {
    const path = await folderOf(`circle ${name}`, { 'cat/deep/1.png': 1 });
    await symlink(target, join(path, 'cat', 'deep', 'loop'));
    const refusal = { code: 'data-folder-circle', message: expect.stringMatching(/loop\] got a link that leads back/) };
    await expect(findImages(path)).rejects.toMatchObject(refusal);
  });

  it('is refused where splits would become classes', async () => {
    const splits = await folderOf('splits', { 'train/cat/1.png': 1, 'train/dog/1.png': 1, 'val/cat/1.png': 1 });
    await expect(findImages(splits)).rejects.toMatchObject({
      code: 'classes-are-splits',
      message: expect.stringContaining(join(splits, 'train')),
    });
  });

  it.each([
    ['cut off', 'a picture that cannot be decoded', async () => (await png(9)).subarray(0, 60)],
    [
      'cut off in its last rows',
      'a picture that cannot be decoded',
      async () => (await noise().jpeg().toBuffer()).subarray(0, -60),
    ],
    ['of another kind', 'a picture that cannot be decoded', async () => Buffer.from('no picture')],
    ['a page', 'a web page', async () => Buffer.from('<!DOCTYPE html>')],
    ['a pointer', 'a pointer of Git LFS', async () => Buffer.from('version https://git-lfs.github.com/spec/v1')],
  ])('is refused in a sentence that names the picture that is %s', async (name, what, bytes) => {
    const path = await folderOf(`torn ${name}`, { 'cat/fine.png': 1, 'cat/torn.png': await bytes() });
    const message = expect.stringMatching(
      new RegExp(`got broken images: .*torn\\.png; expected .*torn\\.png holds ${what}`),
    );
    await expect(openImageFolder({ path, ...whole })).rejects.toMatchObject({ code: 'images-broken', message });
  });

  it('is seen upright, as an edit sees it', async () => {
    const turned = await noise().withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const path = await folderOf('turned', { 'cat/1.jpg': turned });
    const { train, image } = await openImageFolder({ path, ...whole, size: 16, channels: 3 });
    const edit = await prepareEdit({ image: await openPicture(turned, 'test'), box: [0, 0, 1, 1] }, image, 'test');
    expect(await train.read(Int32Array.of(0))).toEqual(edit.image.data);
  });

  it('is known by its pixels and their order, not by its names', async () => {
    const digest = async (name: string, files: Readonly<Record<string, number>>) =>
      (await openImageFolder({ path: await folderOf(name, files), ...whole })).train.digest();
    const first = await digest('first', { 'cat/1.png': 1, 'cat/2.png': 2, 'dog/1.png': 3 });
    expect(await digest('renamed', { 'cats/a.png': 1, 'cats/b.png': 2, 'dogs/c.png': 3 })).toBe(first);
    expect(await digest('replaced', { 'cat/1.png': 1, 'cat/2.png': 2, 'dog/1.png': 4 })).not.toBe(first);
    expect(await digest('exchanged', { 'cat/1.png': 3, 'dog/1.png': 1, 'dog/2.png': 2 })).not.toBe(first);
    expect(await digest('fewer', { 'cat/1.png': 1, 'dog/1.png': 3 })).not.toBe(first);
  });
});

function noise() {
  const data = Uint8Array.from({ length: 24 * 16 * 3 }, (_, i) => (i * 89 + (i >> 4)) % 256);
  return sharp(data, { raw: { width: 24, height: 16, channels: 3 } });
}

/** A bitmap of one gray level: 4 x 4 pixels of 24 bits. */
function bitmap(level: number): Buffer {
  const file = Buffer.alloc(54 + 48, level);
  file.fill(0, 0, 54).write('BM');
  file.writeUInt32LE(54, 10);
  file.writeUInt32LE(40, 14);
  file.writeInt32LE(4, 18);
  file.writeInt32LE(4, 22);
  file.writeUInt16LE(1, 26);
  file.writeUInt16LE(24, 28);
  return file;
}
