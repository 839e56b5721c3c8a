import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openNpz, readStatistics } from '@tessera/evaluation';
import { openFeatureNetwork } from '@tessera/features';
import { createEngine } from '@tessera/targets';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { features } from './commands/features.ts';
import { runCommand } from './testing/run-command.ts';

const root = resolve(import.meta.dirname, '../../..');
const folder = mkdtempSync(join(tmpdir(), 'tessera-features-'));
const recipe = join(folder, 'few.json');
const pictures = join(folder, 'pictures');
afterAll(() => rmSync(folder, { recursive: true }));

beforeAll(async () => {
  const data = { kind: 'mnist', size: 32, limit: 40, validation: 10 };
  writeFileSync(recipe, JSON.stringify({ extends: join(root, 'recipes/digits-var.json'), data }));
  mkdirSync(pictures);
  for (let n = 0; n < 3; n++) {
    const pixels = Uint8Array.from({ length: 32 * 32 }, (_, i) => (i * (3 + n)) % 256);
    await sharp(pixels, { raw: { width: 32, height: 32, channels: 1 } })
      .png()
      .toFile(join(pictures, `${n}.png`));
  }
});

const run = async (...argv: string[]) => (await runCommand(features, 'tessera features', argv)).lines.join('\n');

describe('tessera features', () => {
  it('lists networks, and shows one', async () => {
    const listed = await run();
    expect(listed).toMatch(/^mnist-32 +96 features +10 classes +shipped; MIT$/m);
    expect(listed).toMatch(/^lpips-vgg16 +512 features +no classes +/m);
    expect(JSON.parse(await run('--json')).networks.length).toBeGreaterThanOrEqual(4);
    expect(await run('mnist-32')).toContain('can be the network of a perceptual loss');
  });

  it('writes statistics of a folder: mean and covariance of its features, and what made them', async () => {
    const out = join(folder, 'out', 'pictures.npz');
    expect(await run('mnist-32', '--data', pictures, '--out', out)).toContain('3 images of 32 x 32 x 1 by mnist-32');
    const { reference, facts } = await readStatistics(out);
    expect(facts).toMatchObject({ network: 'mnist-32', images: 3, image: { height: 32, width: 32, channels: 1 } });
    const engine = createEngine({ threads: 1 });
    const network = await openFeatureNetwork('mnist-32');
    const all = Array.from({ length: 3 }, (_, n) =>
      Array.from({ length: 1024 }, (_, i) => ((i * (3 + n)) % 256) / 255),
    );
    const { features_ND } = await network.open(engine, facts!.image).run(Float32Array.from(all.flat()));
    const column = [0, 1, 2].map((n) => features_ND[96 * n + 5]!);
    const mean = column.reduce((sum, value) => sum + value, 0) / 3;
    const variance = column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 2;
    expect(reference.gaussian.mean_D[5]).toBeCloseTo(mean, 5);
    expect(reference.gaussian.covariance_DD[5 * 96 + 5]).toBeCloseTo(variance, 5);
    const { names } = await openNpz(out);
    expect(names).toEqual(expect.arrayContaining(['mu', 'sigma']));
    engine.dispose();
  });

  it('takes the split of a recipe that is asked for', async () => {
    const out = join(folder, 'split.npz');
    const facts = JSON.parse(await run('mnist-32', '--data', recipe, '--split', 'validation', '--out', out, '--json'));
    expect(facts).toMatchObject({ images: 10, network: 'mnist-32' });
    expect(JSON.parse(await run('mnist-32', '--data', recipe, '--count', '7', '--out', out, '--json')).images).toBe(7);
  });

  it.each([
    [['--out', 'x.npz'], '--out without a network'],
    [['mnist-32', '--data', '.'], '--data or --out alone'],
    [['mnist-33', '--data', '.', '--out', 'x.npz'], 'Did you mean mnist-32?'],
    [['mnist-32', '--data', '/nowhere', '--out', 'x.npz'], '--data /nowhere'],
  ])('refuses %j in one sentence', async (argv, words) => {
    await expect(run(...argv)).rejects.toThrow(words);
  });

  it('refuses options that the data does not have', async () => {
    const of = ['mnist-32', '--out', join(folder, 'x.npz'), '--data'];
    await expect(run(...of, recipe, '--size', '8')).rejects.toThrow('--size with');
    await expect(run(...of, pictures, '--split', 'test')).rejects.toThrow('--split with');
  });
});
