import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { maskingDefaults } from '../generator/objective.ts';
import { checkDefaults, partsOf } from '../run/recipe-parts.ts';
import { microMasked, microRecipe, microScales } from '../testing/micro.fixture.ts';
import { readRecipe, type Recipe, recipeSchema } from './recipe.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-recipe-'));
});
afterAll(() => rm(folder, { recursive: true }));

const written = async (text: string | Uint8Array): Promise<string> => {
  const path = join(folder, 'recipe.json');
  await writeFile(path, text);
  return path;
};

const withTokenizer = (fields: object) => ({ ...microRecipe, tokenizer: { ...microRecipe.tokenizer, ...fields } });

describe('recipes', () => {
  const recipes = new URL('../../../../recipes/', import.meta.url);

  it('that ship are whole, and their parts agree', async () => {
    const files = (await readdir(recipes, { recursive: true })).filter((name) => name.endsWith('.json'));
    expect(files.length).toBeGreaterThanOrEqual(3);
    for (const file of files) {
      const { recipe } = await readRecipe(new URL(file, recipes).pathname);
      expect(`${recipe.name}.json`).toBe(basename(file));
      const classes = { folder: 2, avatars: 5, mnist: 10, idx: 10, cifar10: 10 }[recipe.data.kind];
      if (!recipe.model) continue;
      const parts = partsOf(recipe);
      expect(parts.facts.condition.classes).toBe(classes);
      checkDefaults(recipe, parts, { name: 'data', classes: [] });
    }
  });

  it('take defaults for what they leave out', () => {
    const { judge, tokenizer, generator } = recipeSchema.parse(microRecipe, 'micro');
    expect(judge).toMatchObject({ kind: 'train', shift: 0, accumulate: 1 });
    expect(tokenizer).toMatchObject({ loss: { perceptual: 0, adversarial: null }, optimiser: { eps: 1e-8 } });
    expect(generator).toMatchObject({ conditionDrop: 0.1, masking: null, every: { log: 1, picture: 0 } });
    const masked = { ...microMasked, generator: { ...microMasked.generator, masking: { leastRate: 0 } } };
    expect(recipeSchema.parse(masked, 'micro').generator!.masking).toEqual({ ...maskingDefaults, leastRate: 0 });
  });

  it('may call the share of images without condition as older ones do', async () => {
    await writeFile(
      join(folder, 'old.json'),
      JSON.stringify({ ...microMasked, generator: { ...microMasked.generator, labelDrop: 0.2 } }),
    );
    expect((await readRecipe(join(folder, 'old.json'))).recipe.generator).toMatchObject({ conditionDrop: 0.2 });
    const own = { extends: 'old.json', generator: { conditionDrop: 0.3 } };
    expect((await readRecipe(await written(JSON.stringify(own)))).recipe.generator!.conditionDrop).toBe(0.3);
  });

  it('may extend another, whose sections they change field by field', async () => {
    await writeFile(join(folder, 'base.json'), JSON.stringify(microMasked));
    await writeFile(join(folder, 'middle.json'), JSON.stringify({ extends: 'base.json', generator: { steps: 9 } }));
    const head = { plugin: 'diffusion', config: { blocks: 2, width: 8 } };
    const changes = { data: { kind: 'mnist', size: 8 }, model: { head }, generator: { masking: null, batch: 2 } };
    const own = { extends: 'middle.json', name: 'own', ...changes };
    const { recipe } = await readRecipe(await written(JSON.stringify(own)));
    const base = recipeSchema.parse(microMasked, 'micro');
    expect(recipe).toEqual({
      ...base,
      name: 'own',
      data: recipeSchema.parse({ ...microMasked, data: changes.data }, 'data').data,
      model: { ...base.model, head },
      generator: { ...base.generator, steps: 9, batch: 2, masking: null },
    });
    await writeFile(join(folder, 'base.json'), JSON.stringify({ ...microMasked, extends: 'recipe.json' }));
    await expect(readRecipe(join(folder, 'recipe.json'))).rejects.toMatchObject({ code: 'recipe-circular' });
    await expect(readRecipe(await written('{ "extends": "none.json" }'))).rejects.toMatchObject({
      code: 'recipe-missing',
      message: expect.stringContaining('none.json'),
    });
  });

  it.each([
    ['an unknown field', { ...microRecipe, stepz: 1 }, 'field-unknown', 'stepz'],
    ['a missing field', { ...microRecipe, data: undefined }, 'field-missing', 'data'],
    ['an unknown kind of data', { ...microRecipe, data: { kind: 'web' } }, 'field-invalid', 'data.kind = "web"'],
    ['a wrong number', withTokenizer({ steps: 0.5 }), 'field-invalid', 'tokenizer.steps = 0.5'],
    ['an unknown kind of tokenizer', withTokenizer({ kind: 'vae' }), 'field-invalid', 'tokenizer.kind = "vae"'],
    ['a divergence without a weight', withTokenizer({ kind: 'kl', codebook: undefined }), 'field-', 'tokenizer.'],
    [
      'an unknown schedule',
      {
        ...microRecipe,
        generator: { ...microRecipe.generator, optimiser: { learningRate: { shape: 'step', peak: 1 } } },
      },
      'field-invalid',
      'generator.optimiser.learningRate.shape',
    ],
    [
      'mask rates that deviate beyond all measure',
      { ...microMasked, generator: { ...microMasked.generator, masking: { leastRate: 0.2, deviation: 1e9 } } },
      'field-invalid',
      'generator.masking.deviation',
    ],
    [
      'guidance that no model takes',
      {
        ...microRecipe,
        model: {
          ...microRecipe.model,
          defaults: { ...microRecipe.model.defaults, guidance: { kind: 'ramp', scale: 101 } },
        },
      },
      'field-invalid',
      'model.defaults.guidance.scale = 101',
    ],
    [
      'an adversarial loss on accumulated batches',
      withTokenizer({ loss: { adversarial: { weight: 0.1 } } }),
      'field-invalid',
      'accumulate = 1',
    ],
  ])('refuse %s in one sentence that names it', async (_, recipe, code, named) => {
    const path = await written(JSON.stringify(recipe));
    const error = await readRecipe(path).catch((caught: unknown) => caught as Error);
    expect(error).toMatchObject({ code: expect.stringContaining(code), message: expect.stringContaining(path) });
    expect((error as Error).message).toContain(named);
    expect((error as Error).message).not.toContain('\n');
  });

  it('refuse text that is not JSON, and a missing file', async () => {
    const malformed = { code: 'recipe-malformed', message: expect.stringMatching(/^[^\n]+$/) as string };
    for (const text of ['{"format": ', '# Recipe\n']) {
      await expect(readRecipe(await written(text))).rejects.toMatchObject(malformed);
    }
    await expect(readRecipe(join(folder, 'none.json'))).rejects.toMatchObject({ code: 'recipe-missing' });
  });

  it.each([
    ['a byte order mark', (text: string) => Buffer.from(`\ufeff${text}`)],
    ['UTF-16 of PowerShell', (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le')],
  ])('are read with %s', async (_, encode) => {
    const path = await written(encode(JSON.stringify(microRecipe)));
    expect((await readRecipe(path)).recipe).toEqual(recipeSchema.parse(microRecipe, 'micro'));
  });

  const tooLong = 'ü'.repeat(101);
  it.each([
    '../../x',
    '/etc/x',
    '',
    '.',
    '..',
    'a\0b',
    'a\nb',
    'a/b',
    'a\\b',
    'C:x',
    'CON',
    'nul.txt',
    'a.',
    ' a',
    tooLong,
  ])('refuse the name %j, which is no folder of its own everywhere', async (name) => {
    for (const recipe of [
      { ...microRecipe, name },
      { ...microRecipe, judge: { kind: 'shipped', name } },
    ]) {
      await expect(readRecipe(await written(JSON.stringify(recipe)))).rejects.toMatchObject({
        code: 'field-invalid',
        message: expect.stringMatching(/got (judge\.)?name = .*; expected the name of one folder/),
      });
    }
  });

  it.each(['digits-var', 'Zürich 2', '東京', 'v1.2', 'console', 'com10'])('take the name %j', (name) => {
    expect(recipeSchema.parse({ ...microRecipe, name }, 'micro').name).toBe(name);
  });

  it('refuse parts that do not agree', () => {
    const recipe = recipeSchema.parse(microRecipe, 'micro');
    const head = { plugin: 'diffusoin', config: {} };
    const refusal = (changed: Partial<Recipe>) => {
      const attempt = () => partsOf({ ...recipe, ...changed });
      return expect(attempt);
    };
    const model = recipe.model!;
    refusal({ model: { ...model, head } }).toThrowError(expect.objectContaining({ code: 'plugin-unknown' }));
    const masked = recipeSchema.parse(microMasked, 'micro');
    const { plugin, config } = masked.model!.tokenizer;
    const measured = { plugin, config: { ...(config as object), latentScale: 0.5 } };
    refusal({ ...masked, model: { ...masked.model!, tokenizer: measured } }).toThrowError(
      expect.objectContaining({ code: 'recipe-misfit', message: expect.stringContaining('latentScale = 0.5') }),
    );
    const scales = recipeSchema.parse(microScales, 'micro');
    const given = {
      plugin: 'kl-scales',
      config: { ...(scales.model!.tokenizer.config as object), scaleStd: [1, 1, 1] },
    };
    refusal({ ...scales, model: { ...scales.model!, tokenizer: given } }).toThrowError(
      expect.objectContaining({ code: 'recipe-misfit', message: expect.stringContaining('scaleStd = [1,1,1]') }),
    );
    refusal({ ...scales, tokenizer: recipe.tokenizer }).toThrowError(
      expect.objectContaining({ message: expect.stringContaining('expected a stage of the kind kl') }),
    );
    refusal({ model: null }).toThrowError(expect.objectContaining({ code: 'recipe-incomplete' }));
    refusal({ tokenizer: recipeSchema.parse(microMasked, 'micro').tokenizer }).toThrowError(
      expect.objectContaining({ code: 'recipe-tokenizer' }),
    );
  });
});
