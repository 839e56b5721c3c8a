import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rename, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { Engine } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recipeSchema } from '../recipe/recipe.ts';
import { microRecipe } from '../testing/micro.fixture.ts';
import { recipeFacts } from './recipe-facts.ts';
import { runRecipe } from './run-recipe.ts';

import sharp from 'sharp';

const every = { log: 1, validate: 2, picture: 0, checkpoint: 1 };
const short = { steps: 2, batch: 4, accumulate: 1, every };
const recipe = recipeSchema.parse(
  {
    ...microRecipe,
    data: { kind: 'folder', path: 'images', size: 8, channels: 1, validation: 0.25, test: 0 },
    judge: null,
    tokenizer: { ...microRecipe.tokenizer, ...short },
    generator: { ...microRecipe.generator, ...short, progressive: null },
  },
  'stale',
);

let folder: string;
let engine: Engine;
/** A whole training on the images as they were at first. */
let trained: string;
beforeAll(async () => {
  engine = createEngine({ threads: 1 });
  folder = await mkdtemp(join(tmpdir(), 'tessera-stale-'));
  trained = join(folder, 'trained');
  await mkdir(join(folder, 'images'));
  for (const [label, name] of ['cat', 'dog'].entries()) {
    await mkdir(join(folder, 'images', name));
    for (let n = 0; n < 6; n++) await writeFile(join(folder, 'images', name, `${n}.png`), await png(6 * label + n));
  }
  await run(trained);
});
afterAll(async () => {
  engine.dispose();
  await rm(folder, { recursive: true });
});

/** Waves of a frequency that no other number has. */
function png(number: number): Promise<Buffer> {
  const pixels = Uint8Array.from({ length: 64 }, (_, i) => 128 + 120 * Math.sin((i * (number + 1)) / 7));
  return sharp(pixels, { raw: { width: 8, height: 8, channels: 1 } })
    .png({ compressionLevel: 0 })
    .toBuffer();
}

interface Changed {
  readonly images?: string;
  readonly recipe?: object;
}

/** Runs the recipe, or goes on with it; gives what a person is told. */
async function run(out: string, { images = 'images', recipe: changes }: Changed = {}): Promise<string> {
  const loaded = { recipe: { ...recipe, ...changes, data: { ...recipe.data, path: images } } as typeof recipe, folder };
  const stream = new PassThrough();
  const { finished } = await runRecipe({ loaded, engine, out, stream, signal: new AbortController().signal });
  expect(finished).toBe(true);
  return String(stream.read() ?? '');
}

/** The finished training, copied, without some of its files; and its images, changed. */
async function after(
  name: string,
  { change, without = [] }: { change: (images: string) => Promise<unknown>; without?: readonly string[] },
): Promise<{ out: string; images: string }> {
  const [out, images] = [join(folder, `${name} out`), join(folder, name)];
  await cp(trained, out, { recursive: true });
  await cp(join(folder, 'images'), images, { recursive: true, preserveTimestamps: true });
  for (const file of without) await rm(join(out, file), { recursive: true });
  await change(images);
  return { out, images };
}

const checkpoint = (stage: string) => `${stage}.checkpoint.safetensors`;
const weights = (out: string) => readFile(join(out, 'model', 'backbone.safetensors'));
const classesOf = async (out: string) =>
  (JSON.parse(await readFile(join(out, 'model', 'model.json'), 'utf8')) as { classes: string[] }).classes;

describe('a training whose images have changed', () => {
  it.each([
    ['a class renamed, so that classes change places', (path: string) => rename(join(path, 'cat'), join(path, 'zcat'))],
    ['a picture removed', (path: string) => rm(join(path, 'dog', '3.png'))],
    ['a picture added', async (path: string) => writeFile(join(path, 'dog', '9.png'), await png(20))],
    [
      'a picture replaced by one of the same length and date',
      async (path: string) => {
        const file = join(path, 'cat', '2.png');
        const before = await stat(file);
        await writeFile(file, await png(20));
        await utimes(file, before.atime, before.mtime);
        expect((await stat(file)).size).toBe(before.size);
      },
    ],
  ])('is refused before any work, by the names of all files in its way: %s', async (name, change) => {
    const { out, images } = await after(name, { change, without: ['model'] });
    const refusal = {
      code: 'data-changed',
      message: expect.stringMatching(
        /^\[.*tokenizer\.checkpoint\.safetensors\] got a checkpoint of an earlier training \(other training images.*\), .*generator\.checkpoint\.safetensors of an earlier training \(.*\); expected .*remove these files/,
      ),
    };
    await expect(run(out, { images })).rejects.toMatchObject(refusal);
    expect(existsSync(join(out, 'model'))).toBe(false);
    await rm(join(out, checkpoint('generator')));
    await expect(run(out, { images })).rejects.toMatchObject({ code: 'data-changed' });
  });

  it('is refused where only labels have changed, and keeps its tokenizer', async () => {
    const change = (path: string) => rename(join(path, 'cat', '5.png'), join(path, 'dog', '-.png'));
    const { out, images } = await after('relabelled', { change });
    await expect(run(out, { images })).rejects.toMatchObject({
      code: 'data-changed',
      message: expect.stringMatching(
        /^\[[^\]]*generator\.checkpoint\.safetensors\] got a checkpoint of .* \(other labels\); /,
      ),
    });
    await rm(join(out, checkpoint('generator')));
    expect(await run(out, { images })).not.toContain('encoded again');
    expect(await weights(out)).not.toEqual(await weights(trained));
  });

  it(
    'encodes them again and says so, and learns what a training from the beginning would have learnt',
    { tags: ['long'] },
    async () => {
      const change = (path: string) => rename(join(path, 'cat'), join(path, 'zcat'));
      const without = [checkpoint('tokenizer'), checkpoint('generator')];
      const { out, images } = await after('begun again', { change, without });
      await writeFile(join(out, 'model', 'README.md'), 'figures of earlier weights');
      const said = await run(out, { images });
      expect(said).toMatch(/Note: .*train\.safetensors is encoded again: other tokenizer and images\.\n/);
      expect(await classesOf(out)).toEqual(['dog', 'zcat']);
      expect(existsSync(join(out, 'model', 'README.md'))).toBe(false);
      const fresh = join(folder, 'fresh');
      await run(fresh, { images });
      expect(await weights(out)).toEqual(await weights(fresh));
      expect(await weights(out)).not.toEqual(await weights(trained));
    },
  );

  it('continues if images only moved, or if a class has another name in the same place', async () => {
    const { out, images } = await after('elsewhere', {
      change: (path) => rename(join(path, 'dog'), join(path, 'hound')),
    });
    await writeFile(join(out, 'model', 'README.md'), 'figures of these weights');
    expect(await run(out, { images })).not.toContain('again');
    expect(await classesOf(out)).toEqual(['cat', 'hound']);
    expect(existsSync(join(out, 'model', 'README.md'))).toBe(true);
    expect(await weights(out)).toEqual(await weights(trained));
  });

  it('encodes again what cannot be read, and says why', async () => {
    const { out, images } = await after('torn', { change: async () => undefined });
    await truncate(join(out, 'tokens', 'train.safetensors'), 40);
    await truncate(join(out, 'tokens', 'validation.safetensors'), 0);
    const said = await run(out, { images });
    expect(
      said.match(/Note: .*(train|validation)\.safetensors is encoded again: it cannot be read \(.+\)\.\n/g),
    ).toHaveLength(2);
    expect(await weights(out)).toEqual(await weights(trained));
  });

  it('is refused with all that depends on a stage whose recipe has changed', async () => {
    const { out, images } = await after('recipe', { change: async () => undefined });
    const tokenizer = { ...recipe.tokenizer, steps: 3 };
    await expect(run(out, { images, recipe: { tokenizer } })).rejects.toMatchObject({
      code: 'recipe-changed',
      message: expect.stringMatching(
        /tokenizer\.checkpoint.* \(other recipe\), .*generator\.checkpoint.* \(on the tokenizer of that training\)/,
      ),
    });
  });

  it('is refused where a checkpoint does not say what it was made of', async () => {
    const { out, images } = await after('unsaid', { change: async () => undefined });
    const path = join(out, checkpoint('generator'));
    const bytes = await readFile(path);
    const at = bytes.indexOf('"madeOf"');
    bytes.write('"madeIn"', at, 'latin1');
    await writeFile(path, bytes);
    await expect(run(out, { images })).rejects.toMatchObject({
      message: expect.stringContaining('it does not record what it was made from'),
    });
  });
});

it('tells at a dry run too that a training cannot go on, and sweeps what a killed run was writing', async () => {
  const { out, images } = await after('dry', { change: async (images) => rm(join(images, 'cat', '0.png')) });
  const dry = (path: string) => {
    const loaded = { recipe: { ...recipe, data: { ...recipe.data, path } } as typeof recipe, folder };
    return recipeFacts({ loaded, engine, measure: 0, resume: out });
  };
  await expect(dry(images)).rejects.toMatchObject({ code: 'data-changed' });
  expect(await dry('images')).toMatchObject({ seconds: null });
  await writeFile(join(out, 'tokenizer.checkpoint.safetensors.17931.tmp'), 'half');
  await run(out);
  expect(existsSync(join(out, 'tokenizer.checkpoint.safetensors.17931.tmp'))).toBe(false);
});

it('says what to do about a damaged checkpoint: begin its stage again', async () => {
  const { out, images } = await after('damaged', { change: async () => undefined });
  await truncate(join(out, 'tokenizer.checkpoint.safetensors'), 2000);
  await expect(run(out, { images })).rejects.toThrowError(
    /tokenizer\.checkpoint\.safetensors\] got .*Remove the file to begin this stage again\.$/,
  );
});
