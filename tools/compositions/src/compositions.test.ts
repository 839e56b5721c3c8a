import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { type Cell, cells, type Setup, nameOf, type Refusal } from './cell.ts';
import { formatted, pictureNotes } from './compositions.ts';
import { openMicroSetup } from './micro-setup.fixture.ts';
import { pageOf } from './page.ts';
import { tryCell } from './try-cell.ts';

const page = resolve(import.meta.dirname, '../../../docs/compositions.md');

let engine: Engine;
let folder: string;
let setup: Setup & { dispose(): void };
beforeAll(async () => {
  engine = createEngine({ threads: 1 });
  folder = await mkdtemp(join(tmpdir(), 'tessera-compositions-'));
  setup = await openMicroSetup(engine, folder);
});
afterAll(async () => {
  setup.dispose();
  engine.dispose();
  await rm(folder, { recursive: true });
});

const verdicts = new Map<Cell, Refusal | null>();

describe('every combination of the built-in parts', () => {
  it.each(cells.map((cell) => [nameOf(cell), cell] as const))(
    '%s learns and draws, or is refused in one sentence',
    async (_, cell) => {
      const before = tf.memory().numTensors;
      const tried = await tryCell(cell, setup);
      expect(tf.memory().numTensors).toBe(before);
      const isRefused = 'code' in tried;
      verdicts.set(cell, isRefused ? tried : null);
      if (isRefused) {
        expect(tried.sentence).toMatch(/^\[compose\] got .+; expected .+\. .+: exchange the \w+ or the \w+\.$/);
        return;
      }
      const [first, last] = tried.loss;
      expect(last).toBeLessThan(0.9 * first);
      const { tokenizer } = setup.tokenizers[cell.tokenizer];
      const [image] = tried.images;
      expect(image).toMatchObject(tokenizer.image);
      expect(image!.data.every((value) => value >= 0 && value <= 1)).toBe(true);
    },
    120_000,
  );

  it('does as docs/compositions.md says', async () => {
    expect(verdicts.size).toBe(120);
    expect(await readFile(page, 'utf8')).toBe(await formatted(pageOf(verdicts), page));
  });
});

describe('notes of pictures', () => {
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
});
