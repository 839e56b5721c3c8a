import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../../..');
const bin = join(root, 'apps/cli/bin/tessera.mjs');
const side = 32;

let folder: string;
let seven: string;

function tessera(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], { encoding: 'utf8', cwd: root });
  return { status, stdout, stderr };
}

const grayOf = (file: string) => sharp(file).toColourspace('b-w').raw().toBuffer();

/** A mask that is white from row 16 down. */
async function writeMask(name: string, { width, height }: { width: number; height: number }): Promise<string> {
  const path = join(folder, name);
  const gray = Uint8Array.from({ length: width * height }, (_, i) => (2 * Math.floor(i / width) >= height ? 255 : 0));
  await sharp(gray, { raw: { width, height, channels: 1 } })
    .png()
    .toFile(path);
  return path;
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-cli-edit-'));
  expect(tessera('generate', '--model', 'digits-var', '--label', '7', '--out', join(folder, 'seven')).status).toBe(0);
  seven = join(folder, 'seven', 'label-7-seed-0.png');
});
afterAll(() => rmSync(folder, { recursive: true }));

it('counts a box after the cut: the left half is the second quarter of a picture twice as wide as high', async () => {
  const wide = join(folder, 'wide.png');
  const quarters = Uint8Array.from({ length: 64 * 32 }, (_, i) => 60 * (1 + Math.floor((i % 64) / 16)));
  await sharp(quarters, { raw: { width: 64, height: 32, channels: 1 } })
    .png()
    .toFile(wide);
  const out = join(folder, 'wide');
  expect(tessera('edit', '--model', 'digits-var', '--image', wide, '--box', '0,0,0.5,1', '--out', out).status).toBe(0);
  const made = await grayOf(join(out, 'label-none-seed-0.png'));
  expect([...made.subarray(17, 32)]).toEqual(Array(15).fill(180));
  expect([...made.subarray(0, 16)]).not.toEqual(Array(16).fill(120));
  expect(tessera('edit', '--help').stdout).toMatch(/--box .*cut to the model’s shape/);
});

describe.each(['digits-var', 'digits-mar'])('tessera edit --model %s', (model) => {
  it('redraws the lower half of a seven; the upper half of every file is byte for byte the given one', async () => {
    const out = join(folder, model);
    const shared = ['edit', '--model', model, '--image', seven, '--label', '3'];
    const box = ['--box', '0,0.5,1,1', '--count', '2', '--seed', '4', '--out', out];
    const { status, stderr, stdout } = tessera(...shared, ...box, '--steps-strip', '--json');
    expect([status, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toMatchObject({ model, images: 2 });
    expect(readdirSync(out).sort()).toEqual(['grid.png', 'label-3-seed-4.png', 'label-3-seed-5.png', 'steps.png']);
    const given = await grayOf(seven);
    const made = await Promise.all([4, 5].map((seed) => grayOf(join(out, `label-3-seed-${seed}.png`))));
    for (const image of made) {
      expect(image.subarray(0, 16 * side).equals(given.subarray(0, 16 * side))).toBe(true);
      expect(image.subarray(16 * side).equals(given.subarray(16 * side))).toBe(false);
    }
    // The sheet: the picture, what was kept, two images, in two columns.
    const sheet = await sharp(join(out, 'grid.png')).metadata();
    expect(sheet.width).toBe(2 * 96 + 6);
    const alone = join(folder, `${model}-alone`);
    const mask = await writeMask(`${model}.png`, { width: 64, height: 64 });
    expect(tessera(...shared, '--mask', mask, '--seed', '5', '--out', alone).status).toBe(0);
    expect((await grayOf(join(alone, 'label-3-seed-5.png'))).equals(made[1]!)).toBe(true);
  });
});

describe('a picture that cannot be edited', () => {
  it.each([
    [['--image', 'missing.png'], /\[missing.png\] got no file; expected a picture.*\(picture-missing\)/],
    [
      ['--image', 'apps'],
      /^\[apps\] got a folder; expected a picture: a PNG.* file\. Name one picture in it\. \(picture-is-folder\)$/m,
    ],
    [['--mask', 'apps'], /^\[apps\] got a folder; /],
    [['--image', 'README.md'], /\[README.md\] got bytes of another kind; .*\(picture-format\)/],
    [[], /got a picture of which everything stays; .*\(edit-repaints-nothing\)/],
    [['--box', '0,0,2,1'], /got the box 0,0,2,1; .*\(edit-box-invalid\)/],
    [['--box', '0,0,1'], /got --box 0,0,1; expected four numbers.*\(option\)/],
    [['--outside'], /got outside without a box; .*\(edit-outside-alone\)/],
    [['--box', '0,0,1,1', '--place', '0,0,1,1'], /got a box and a place; .*\(edit-region-twice\)/],
  ])('%j is refused in one sentence, and nothing is written', (bad, sentence) => {
    const out = join(folder, 'refused');
    const image = bad.includes('--image') ? [] : ['--image', seven];
    const { status, stderr } = tessera('edit', '--model', 'digits-var', ...image, '--out', out, ...bad);
    expect(stderr).toMatch(sentence);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect([status, existsSync(out)]).toEqual([1, false]);
  });

  it('is one whose mask has another shape, or is no picture', async () => {
    const args = ['edit', '--model', 'digits-var', '--image', seven, '--out', join(folder, 'refused')];
    const wide = await writeMask('wide.png', { width: 64, height: 16 });
    expect(tessera(...args, '--mask', wide).stderr).toMatch(/got a mask of 64 x 16 pixels; .*\(edit-mask-shape\)\n$/);
    writeFileSync(join(folder, 'broken.png'), Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'));
    const broken = tessera(...args, '--mask', join(folder, 'broken.png'));
    expect(broken.stderr).toMatch(/^\[.*broken\.png\] got a picture that cannot be decoded.*\(picture-broken\)\n$/);
    expect(tessera('edit', '--model', 'digits-var', '--out', folder).stderr).toMatch(/got no --image FILE; /);
  });
});
