import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openCheckpoint, writeSafetensors } from '@tessera/checkpoints';
import { readTrace, writeTrace } from '@tessera/trace';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../../..');
const bin = join(root, 'apps/cli/bin/tessera.mjs');

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'tessera-cli-trace-'))));
afterAll(() => rmSync(folder, { recursive: true }));

function tessera(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], { encoding: 'utf8', cwd: folder });
  return { status, stdout, stderr };
}

function trace(out: string, ...args: string[]): void {
  expect(tessera('trace', '--seed', '1', '--out', out, ...args)).toMatchObject({ status: 0 });
}

const shipped = (name: string) => join(root, 'models', name);

/** A copy of digits-var in which the embeddings of positions 14 to 38, scale 4 of 5, have the other sign. */
async function withWrongScale4(): Promise<string> {
  const copy = join(folder, 'wrong');
  cpSync(shipped('digits-var'), copy, { recursive: true });
  const path = join(copy, 'backbone.safetensors');
  const checkpoint = await openCheckpoint(join(shipped('digits-var'), 'backbone.safetensors'));
  const tensors = await Promise.all(
    [...checkpoint.tensors.values()].map(async ({ name, dtype, shape }) => {
      const bytes = (await checkpoint.read(name)).slice();
      if (name === 'pos_1LC') {
        const row = 2 * shape.at(-1)!; // float16, whose last bit in memory is the sign
        for (let i = 14 * row; i < 39 * row; i += 2) bytes[i + 1]! ^= 0x80;
      }
      return { name, dtype, shape, bytes: () => bytes };
    }),
  );
  await checkpoint.close();
  await writeSafetensors(path, tensors);
  const manifest = JSON.parse(readFileSync(join(copy, 'model.json'), 'utf8'));
  manifest.backbone.weights.sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
  writeFileSync(join(copy, 'model.json'), JSON.stringify(manifest));
  return copy;
}

describe('tessera trace', () => {
  it('writes what each step read, computed, drew and wrote, and the images', () => {
    trace('three', '--model', shipped('digits-var'), '--label', '3', '--count', '2');
    expect(readdirSync(join(folder, 'three')).sort()).toEqual([
      ...['label-3-seed-1.png', 'label-3-seed-2.png', 'trace.json', 'trace.safetensors'],
    ]);
    const { facts, steps, images } = JSON.parse(readFileSync(join(folder, 'three', 'trace.json'), 'utf8'));
    expect(facts).toMatchObject({ model: 'digits-var', target: 'onnx', seed: 1, images: [{}, {}] });
    expect(steps).toHaveLength(5);
    expect(steps[3]).toMatchObject({ index: 3, of: 5, reads: 'estimate', guided: true });
    expect(steps[3].positions.slice(0, 3)).toEqual([14, 15, 16]);
    expect(steps[3].tensors.map(({ name, shape }: { name: string; shape: number[] }) => [name, shape.length])).toEqual([
      ['step.4.read.values_BlC', 3],
      ['step.4.hidden.values_RlD', 3],
      ['step.4.drawn.values_BlC', 3],
      ['step.4.drawn.index_Bl', 2],
      ['step.4.drawn.confidence_Bl', 2],
      ['step.4.written.values_BlC', 3],
      ['step.4.written.index_Bl', 2],
      ['step.4.canvas.map_BHWC', 4],
    ]);
    expect(images).toEqual([
      { name: 'image.1.rendered_HWC', shape: [32, 32, 1] },
      { name: 'image.2.rendered_HWC', shape: [32, 32, 1] },
    ]);
    const { stdout } = tessera('inspect', 'three/trace.safetensors');
    expect(stdout).toMatch(/^step\.4\.hidden\.values_RlD +float32 +\[4, 25, 128\]/m);
  });

  it('answers why scale 4 is wrong: diff names the step, the tensor and the token', async () => {
    const wrong = await withWrongScale4();
    trace('wrong-four', '--model', wrong, '--label', '3', '--count', '2');
    const { status, stdout, stderr } = tessera('trace', 'diff', 'three', 'wrong-four');
    expect([status, stderr]).toEqual([1, '']);
    expect(stdout).toMatch(/^weights\.backbone: 1d9c6ddc20acbecd \| [0-9a-f]{16}$/m);
    expect(stdout).toMatch(
      /^First difference: step 4 of 5, scale 4 \(5x5\), hidden\.values_RlD: .* at image \d.*, token \d\d \(/m,
    );
    const rows = stdout.split('\n').filter((line) => /^\d of 5/.test(line));
    expect(rows[0]).toMatch(/^4 of 5 +4 \(5x5\) +hidden\.values_RlD +\d\.\de[+-]\d/);
    expect(rows.map((row) => row[0])).not.toContain('3');
    const { first, differs } = JSON.parse(tessera('trace', 'diff', 'three', 'wrong-four', '--json').stdout);
    expect([differs, first.step, first.name, first.at.scale.number]).toEqual([true, 4, 'hidden.values_RlD', 4]);
  });

  it('agrees across targets within float32, also where a picture is edited', { tags: ['long'] }, () => {
    trace('three-eager', '--model', shipped('digits-var'), '--label', '3', '--count', '2', '--target', 'eager');
    const agreed = tessera('trace', 'diff', 'three', 'three-eager');
    expect(agreed).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^target: onnx \| eager\nThe traces agree: 41 /),
    });
    expect(tessera('trace', 'diff', 'three', 'three-eager', '--tolerance', '0').status).toBe(1);
    const picture = join(folder, 'three', 'label-3-seed-1.png');
    const edit = ['--model', shipped('digits-mar'), '--image', picture, '--box', '0,0.5,1,1', '--set', 'steps=3'];
    for (const target of ['onnx', 'eager']) trace(`edit-${target}`, ...edit, '--label', '8', '--target', target);
    const edited = tessera('trace', 'diff', 'edit-onnx', 'edit-eager', '--tolerance', '1e-3', '--all', '--rows', '9');
    expect(edited.stdout).toMatch(/^target: onnx \| eager\nThe traces agree: /);
    expect(edited.stdout).toMatch(/^1 of 3 +read\.known_BL +0\.0e\+0/m);
    expect(edited.status).toBe(0);
    const { images } = JSON.parse(readFileSync(join(folder, 'edit-onnx', 'trace.json'), 'utf8'));
    expect(images.map(({ name }: { name: string }) => name)).toEqual(['image.1.rendered_HWC', 'image.1.pixels_HWC']);
  });

  it('says first that edits were made from other pictures, whatever their path', { tags: ['long'] }, async () => {
    const pictures = ['label-3-seed-1.png', 'label-3-seed-2.png'].map((name) => join(folder, 'three', name));
    const edit = ['--model', shipped('digits-mar'), '--box', '0,0.5,1,1', '--set', 'steps=1', '--image'];
    for (const [i, picture] of pictures.entries()) {
      cpSync(picture, join(folder, 'picture.png'));
      trace(`picture-${i}`, ...edit, 'picture.png', '--label', '8');
    }
    cpSync(pictures[1]!, join(folder, 'moved.png'));
    trace('picture-moved', ...edit, 'moved.png', '--label', '8');
    const { status, stdout } = tessera('trace', 'diff', 'picture-0', 'picture-1');
    expect(status).toBe(1);
    expect(stdout).toMatch(
      /^The traces were made from other pictures: the image differs\.\nedit\.sha256\.image: [0-9a-f]{16} \| [0-9a-f]{16}\nFirst/,
    );
    const moved = tessera('trace', 'diff', 'picture-1', 'picture-moved', '--tolerance', '0');
    expect(moved).toMatchObject({ status: 0, stdout: expect.stringMatching(/^edit\.image: .*\nThe traces agree/) });
  });

  it('tells the same count of tensors as its diff', () => {
    const { stdout } = tessera('trace', '--model', shipped('digits-var'), '--label', '3', '--out', 'counted');
    const count = /, (\d+) tensors: counted/.exec(stdout)?.[1];
    expect(tessera('trace', 'diff', 'counted', 'counted').stdout).toMatch(`The traces agree: ${count} tensors`);
  });

  it('names NaN of one trace, and tells of NaN in both', async () => {
    const whole = await readTrace(join(folder, 'three'));
    whole.steps[3]!.tensors.find(({ name }) => name === 'hidden.values_RlD')!.data[0] = NaN;
    await writeTrace(join(folder, 'nan'), whole);
    const one = tessera('trace', 'diff', 'three', 'nan');
    expect(one.status).toBe(1);
    expect(one.stdout).toMatch(/^First difference: .*: NaN in 1 element of the second trace alone, first at image 0/m);
    expect(one.stdout).toMatch(
      /^4 of 5 .*hidden\.values_RlD +NaN +NaN +NaN +image 0.*; NaN in 1 element of the second/m,
    );
    const both = tessera('trace', 'diff', 'nan', 'nan');
    expect(both.status).toBe(0);
    expect(both.stdout).toMatch(
      /^Both hold NaN at the same places: step 4 of 5, hidden\.values_RlD \(1 of 12800 elements\)\.$/m,
    );
  });

  it('exits with 2 and one sentence at a damaged trace, also as JSON', async () => {
    await writeTrace(join(folder, 'damaged'), await readTrace(join(folder, 'three')));
    const path = join(folder, 'damaged', 'trace.json');
    const json = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify({ ...json, facts: null }));
    const { status, stdout, stderr } = tessera('trace', 'diff', 'three', 'damaged', '--json');
    expect(stderr).toMatch(
      /^\[.*trace\.json\] got facts = null; expected an object\. Correct facts\. \(field-invalid\)\n$/,
    );
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'field-invalid' } });
    expect(status).toBe(2);
    expect(tessera('trace', 'diff', '--help').stdout).toMatch(/^Exit codes, as of diff: 0 the traces agree, 1 they/m);
  });

  it.each([
    [
      ['trace', '--model', shipped('digits-var'), '--count', '17', '--out', 'never'],
      1,
      /got --count 17; expected at most 16 images/,
    ],
    [['trace', '--model', shipped('digits-var'), '--box', '0,0,1,1', '--out', 'never'], 1, /got --box without --image/],
    [['trace', 'diff', 'three'], 2, /got the arguments three; expected tessera trace diff A B/],
    [['trace', 'diff', 'three', 'none'], 2, /^\[none\] got no trace\.json; .*\(trace-missing\)\n$/],
    [['trace', 'diff', 'three', 'three', '--tolerance', 'some'], 2, /got --tolerance some; expected a number/],
    [
      ['trace', 'diff', 'three', 'three', '--tolerance', '-1'],
      2,
      /got --tolerance -1; expected a number of at least 0/,
    ],
  ] as const)('refuses %j', (args, code, sentence) => {
    const { status, stderr } = tessera(...args);
    expect(stderr).toMatch(sentence);
    expect(status).toBe(code);
  });
});
