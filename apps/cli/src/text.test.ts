import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { programArguments } from '@tessera/api/testing';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';

// A model of texts, from its recipe to its images: examples/condition-words, where tessera.config.ts lists the condition.
const example = resolve(import.meta.dirname, '../../../examples/condition-words');
const flags = programArguments(join(import.meta.dirname, 'main.ts'));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-text-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function tessera(...args: string[]) {
  const env = { ...process.env, TESSERA_CACHE: join(folder, 'cache') };
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, ...args], {
    encoding: 'utf8',
    cwd: example,
    env,
  });
  return { status, said: `${stdout}${stderr}` };
}

const model = () => join(folder, 'run/model');

/** Draws four images of the seeds from 1 on, and reads the mean of their red and their blue. */
async function drawn(text: string): Promise<{ readonly red: number; readonly blue: number }> {
  const out = join(folder, text.replaceAll(' ', '-'));
  const made = tessera(
    'generate',
    '--model',
    model(),
    '--condition',
    text,
    '--count',
    '4',
    '--seed',
    '1',
    '--out',
    out,
  );
  expect(made).toMatchObject({ status: 0 });
  const means = await Promise.all(
    [1, 2, 3, 4].map(async (seed) =>
      (await sharp(join(out, `seed-${seed}.png`)).stats()).channels.map(({ mean }) => mean),
    ),
  );
  const mean = (channel: number) => means.reduce((sum, all) => sum + all[channel]!, 0) / means.length;
  return { red: mean(0), blue: mean(2) };
}

it('trains on captions, and draws what a text says', { tags: ['long'], timeout: 300_000 }, async () => {
  const trained = tessera('train', 'micro.json', '--out', join(folder, 'run'));
  expect(trained.status, trained.said).toBe(0);
  const lines = readFileSync(join(folder, 'run/log.jsonl'), 'utf8').trim().split('\n');
  const losses = lines.flatMap((line) => (JSON.parse(line) as Record<string, number>)['validation.loss'] ?? []);
  expect(losses.at(-1)).toBeLessThan(losses.at(1)!);
  const { condition, classes } = JSON.parse(readFileSync(join(model(), 'model.json'), 'utf8')) as {
    condition: { config: { words: string[] } };
    classes: string[];
  };
  expect(condition.config.words).toEqual(expect.arrayContaining(['avatar', 'blue', 'skin', 'white']));
  expect(classes).toEqual([]);
  const [blue, white] = [await drawn('a thumbs avatar with blue skin'), await drawn('a thumbs avatar with white skin')];
  expect(white.red - blue.red).toBeGreaterThan(10);
  const refused = tessera('generate', '--model', model(), '--condition', 'a bleu thumb', '--out', join(folder, 'none'));
  expect(refused).toMatchObject({ status: 1, said: expect.stringContaining('did you mean blue?') });
});
