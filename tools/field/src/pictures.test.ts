import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fitPicture, openPicture } from '@tessera/pictures';
import { openImageFolder } from '@tessera/training';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inputs } from './tessera.ts';

const file = join(inputs, 'pictures', 'exif_orientation_6.jpg');
const size = 32;
let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'tessera-field-'))));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a photograph that its camera marked as turned', () => {
  it.each([1, 3] as const)('is the same picture to training as to an edit, in %i channels', async (channels) => {
    const classes = join(folder, String(channels));
    mkdirSync(join(classes, 'turned'), { recursive: true });
    cpSync(file, join(classes, 'turned', 'turned.jpg'));
    const data = await openImageFolder({ path: classes, size, channels, validation: 0, test: 0, seed: 1 });
    const picture = await openPicture(readFileSync(file), file);
    expect([picture.width, picture.height]).toEqual([64, 96]);
    const edited = await fitPicture(picture, { height: size, width: size, channels }, file);
    const trained = await data.train.read(Int32Array.of(0));
    expect([...trained]).toEqual([...edited.data]);
  });
});
