import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import type { Engine } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cells, nameOf, type Cell } from './cell.ts';
import type { Refusal } from './cell-parts.ts';
import { formatted } from './compositions.ts';
import type { Ground } from './ground.ts';
import { openMicroGround } from './micro-ground.fixture.ts';
import { pageOf } from './page.ts';
import { tryCell } from './try-cell.ts';

const page = resolve(import.meta.dirname, '../../../docs/compositions.md');

let engine: Engine;
let folder: string;
let ground: Ground & { dispose(): void };
beforeAll(async () => {
  engine = createEngine({ threads: 1 });
  folder = await mkdtemp(join(tmpdir(), 'tessera-compositions-'));
  ground = await openMicroGround(engine, folder);
}, 60_000);
afterAll(async () => {
  ground.dispose();
  engine.dispose();
  await rm(folder, { recursive: true });
});

const verdicts = new Map<Cell, Refusal | null>();

describe('every combination of the built-in parts', () => {
  it.each(cells.map((cell) => [nameOf(cell), cell] as const))(
    '%s learns and draws, or is refused in one sentence',
    async (_, cell) => {
      const before = tf.memory().numTensors;
      const tried = await tryCell(cell, ground);
      expect(tf.memory().numTensors).toBe(before);
      const isRefused = 'code' in tried;
      verdicts.set(cell, isRefused ? tried : null);
      if (isRefused) {
        expect(tried.sentence).toMatch(/^\[compose\] got .+; expected .+\. .+: exchange the \w+ or the \w+\.$/);
        return;
      }
      const [first, last] = tried.loss;
      expect(last).toBeLessThan(0.9 * first);
      const { tokenizer } = ground.tokenizers[cell.tokenizer];
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
