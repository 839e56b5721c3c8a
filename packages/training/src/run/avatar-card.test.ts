import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { createEngine } from '@tessera/targets';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { recipeSchema } from '../recipe/recipe.ts';
import { microRecipe } from '../testing/micro.fixture.ts';
import { runRecipe } from './run-recipe.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-avatar-card-'));
  vi.stubEnv('TESSERA_CACHE', folder);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

it('the card of a model says whether it has memorised images, where their attributes are known', async () => {
  const every = { log: 1, validate: 0, picture: 0, checkpoint: 0 };
  const optimiser = { learningRate: { shape: 'cos', peak: 0.001 } };
  const recipe = recipeSchema.parse(
    {
      ...microRecipe,
      data: { kind: 'avatars', size: 16, perClass: 12, validation: 4, test: 6, styles: ['thumbs', 'open-peeps'] },
      judge: { kind: 'train', widths: [8, 16], attributes: true, steps: 2, batch: 4, optimiser, every },
      model: {
        ...microRecipe.model,
        tokenizer: {
          plugin: 'vq',
          config: { ...microRecipe.model.tokenizer.config, in_channels: 3, ch_mult: [1, 1], patch_nums: [1, 8] },
        },
        backbone: { plugin: 'next-scale-transformer', config: { classes: 2, depth: 1, width: 8, heads: 1 } },
      },
      evaluation: { samples: 4, neighbours: 2 },
    },
    'micro',
  );
  const engine = createEngine({ threads: 1 });
  const stream = new PassThrough().resume();
  const loaded = { recipe, folder };
  await runRecipe({ loaded, engine, out: join(folder, 'run'), stream, signal: new AbortController().signal });
  engine.dispose();
  const { metrics } = JSON.parse(readFileSync(join(folder, 'run/model/model.json'), 'utf8')) as {
    metrics: Record<string, number>;
  };
  for (const name of ['unseenCombinations', 'unseenCombinationsOfTestImages', 'nearerThanTestImages']) {
    expect(metrics[name], name).toBeGreaterThanOrEqual(0);
    expect(metrics[name], name).toBeLessThanOrEqual(1);
  }
  expect(metrics['attributeSpread']).toBeGreaterThan(0);
  expect(readFileSync(join(folder, 'run/model/README.md'), 'utf8')).toMatch(
    /Memorisation, .* combination of [\d.]+% of the samples, and of [\d.]+% of the test images/,
  );
});
