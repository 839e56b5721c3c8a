import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { programArguments } from '@tessera/api/testing';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';

// A model of pictures, from its recipe to its images: examples/condition-picture, where tessera.config.ts lists the condition.
const example = resolve(import.meta.dirname, '../../../examples/condition-picture');
const flags = programArguments(join(import.meta.dirname, 'main.ts'));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-picture-'));
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
const made = (...conditions: string[]) =>
  tessera(
    ...['generate', '--model', model(), '--seed', '1', '--out', join(folder, 'out')],
    ...conditions.flatMap((condition) => ['--condition', condition]),
  );

/** Gray values, shrunk to 8 x 8 as the pictures of the training were. */
async function small(path: string): Promise<number[]> {
  const { data, info } = await sharp(path)
    .toColourspace('b-w')
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const factor = info.width / 8;
  return Array.from({ length: 64 }, (_, pixel) => {
    let sum = 0;
    for (let at = 0; at < factor ** 2; at++) {
      const [x, y] = [(pixel % 8) * factor + (at % factor), Math.floor(pixel / 8) * factor + Math.floor(at / factor)];
      sum += data[(y * info.width + x) * info.channels]!;
    }
    return sum / factor ** 2;
  });
}

/** Peak signal-to-noise ratio in decibels. */
function likeness(one: readonly number[], other: readonly number[]): number {
  const error = one.reduce((sum, value, i) => sum + (value - other[i]!) ** 2, 0) / one.length;
  return 10 * Math.log10(255 ** 2 / error);
}

it(
  'trains on pictures of the images, and draws images that look like a picture',
  { tags: ['long'], timeout: 300_000 },
  async () => {
    const trained = tessera('train', 'micro.json', '--out', join(folder, 'run'));
    expect(trained.status, trained.said).toBe(0);
    const names = ['two', 'seven'];
    const drawn = made('pictures/two.png', '{"picture": "pictures/seven.png"}');
    expect(drawn.status, drawn.said).toBe(0);
    const pictures = await Promise.all(names.map((name) => small(join(example, `pictures/${name}.png`))));
    const images = await Promise.all([1, 2].map((seed) => small(join(folder, `out/seed-${seed}.png`))));
    for (const [i, image] of images.entries()) {
      const [own, other] = [likeness(image, pictures[i]!), likeness(image, pictures[1 - i]!)];
      expect(own, names[i]!).toBeGreaterThan(18);
      expect(own - other, names[i]!).toBeGreaterThan(5);
    }
    expect(made('a red hat').said).toContain('[a red hat] got no file; expected a picture');
    expect(made(join(folder, 'out/seed-1.png')).said).toContain('a picture of 32 x 32 pixels; expected 8 x 8 pixels');
    expect(made('{}').said).toContain('no picture; expected a picture of 8 x 8 pixels');
    expect(made('micro.json').said).toContain('expected a PNG, JPEG or WebP file');
  },
);
