import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { writeStatistics } from '@tessera/evaluation';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluate } from './commands/evaluate.ts';
import type { Report } from './evaluation/report.ts';
import { runCommand } from './testing/run-command.ts';

const root = resolve(import.meta.dirname, '../../..');
const fixtures = join(root, 'packages/evaluation/fixtures');
const folder = mkdtempSync(join(tmpdir(), 'tessera-eval-'));
const model = join(root, 'models/digits-var');
const recipe = join(folder, 'few-digits.json');
const samples = join(folder, 'samples.npz');
/** Other work on the machine may slow a hook down. */
const SLOW = 120_000;
afterAll(() => rmSync(folder, { recursive: true }));

/** Few reference images, so that a run takes a second. */
beforeAll(() => {
  const data = { kind: 'mnist', size: 32, limit: 300 };
  writeFileSync(recipe, JSON.stringify({ extends: join(root, 'recipes/digits-var.json'), data }));
});

const run = (...argv: string[]) => runCommand(evaluate, 'tessera eval', argv);

async function report(...argv: string[]): Promise<Report> {
  return JSON.parse((await run(...argv, '--json')).lines[0]!) as Report;
}

describe('figures of a model', () => {
  let made: Report;
  beforeAll(async () => {
    made = await report(model, '--against', recipe, '--samples', '40', '--save', samples, '--set', 'topP=0.9');
  }, SLOW);

  it('say what they were measured with', () => {
    expect(made).toMatchObject({
      samples: 40,
      reference: 300,
      network: { name: 'mnist-32', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      generation: { seeds: [1], guidance: { kind: 'ramp', scale: 0.5 }, options: { topP: 0.9 }, steps: 5 },
    });
    const { frechetDistance, recognised } = made.figures;
    expect(frechetDistance!.mean).toBeGreaterThan(made.floor!.frechetDistance / 2);
    expect(recognised!.mean).toBeGreaterThan(0.9);
    expect(Object.keys(made.recognisedByClass!)).toHaveLength(10);
  });

  it('are those of its images in a file', async () => {
    const again = await report(samples, '--against', recipe);
    expect([again.figures, again.floor]).toEqual([made.figures, made.floor]);
    expect([again.recognisedByClass, again.generation]).toEqual([made.recognisedByClass, null]);
  });

  it('have an interval over seeds, whose sets share no image', async () => {
    const { figures, generation } = await report(model, '--against', recipe, '--samples', '40', '--seeds', '1,2');
    expect(generation!.seeds).toEqual([1, 2]);
    expect(new Set(figures.frechetDistance!.values).size).toBe(2);
    expect(figures.frechetDistance!.half).toBeGreaterThan(0);
  });
});

it('images are as near to themselves as can be; labels of a file alone have no meaning', async () => {
  const again = await report(samples, '--against', samples, '--network', 'mnist-32');
  const { frechetDistance, precision, recall } = again.figures;
  expect(frechetDistance!.mean).toBeCloseTo(0, 4);
  expect([precision!.mean, recall!.mean, again.floor, again.recognisedByClass]).toEqual([1, 1, null, null]);
});

describe('what cannot be compared is refused in one sentence', () => {
  const pictures = join(folder, 'pictures');
  const statistics = join(folder, 'statistics.npz');
  beforeAll(async () => {
    mkdirSync(pictures);
    await sharp({ create: { width: 32, height: 32, channels: 3, background: 'red' } })
      .png()
      .toFile(join(pictures, 'a.png'));
    await sharp({ create: { width: 40, height: 32, channels: 3, background: 'red' } })
      .png()
      .toFile(join(pictures, 'b.png'));
    const gaussian = { count: 9, mean_D: new Float64Array(96), covariance_DD: new Float64Array(96 * 96) };
    const facts = {
      network: 'other',
      sha256: '00'.repeat(32),
      input: '',
      image: { height: 32, width: 32, channels: 1 },
      images: 9,
    };
    await writeStatistics(statistics, { facts, reference: { gaussian, spatial: null, measured: null } });
  }, SLOW);

  it.each([
    [
      'another network',
      () => [model, '--against', statistics, '--network', 'mnist-32'],
      'statistics of the network other 000000000000; expected mnist-32',
    ],
    [
      'other features',
      () => [model, '--against', join(fixtures, 'statistics.npz'), '--network', 'mnist-32'],
      'statistics of 2 features; expected the 96',
    ],
    [
      'another size',
      () => [join(fixtures, 'images.npz'), '--against', recipe],
      'images of 3 x 2 pixels, 1 channels; expected 32 x 32',
    ],
    ['sizes that differ', () => [pictures, '--against', recipe], 'a picture of 40 x 32 pixels; expected 32 x 32'],
    ['no network', () => [pictures, '--against', samples, '--size', '32'], 'names no judge that can be opened'],
    ['nothing to compare with', () => [samples], 'expected --against'],
    ['seeds of a file', () => [samples, '--against', recipe, '--seeds', '1,2'], '--seeds for images'],
    ['both seeds', () => [model, '--seed', '1', '--seeds', '2'], '--seed and --seeds'],
    ['sets in one file', () => [model, '--seeds', '1,2', '--save', samples], '--save with several seeds'],
    ['an option that the model lacks', () => [model, '--set', 'respacing=50'], 'respacing'],
  ])('%s', async (_, argv, words) => {
    await expect(run(...argv(), '--samples', '10')).rejects.toThrow(words);
  });
});
