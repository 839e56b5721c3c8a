import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const bin = resolve(import.meta.dirname, '../bin/tessera.mjs');
const trainer = resolve(import.meta.dirname, '../../../packages/models/fixtures/ar-ckpt-last_micro.pth');

let folder: string;
let micro: string;

function tessera(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], { encoding: 'utf8', cwd: folder });
  return { status, stdout, stderr };
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-cli-'));
  micro = join(folder, 'models', 'micro');
  expect(tessera('import', '--transformer', trainer, '--out', micro)).toMatchObject({ status: 0 });
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('help', () => {
  it('lists the verbs, and every verb has a page with examples', () => {
    const { status, stdout } = tessera('--help');
    expect(status).toBe(0);
    expect(stdout).toMatch(/generate .*\n {2}edit .*\n {2}models/);
    const page = tessera('generate', '--help').stdout;
    expect(page).toMatch(/Examples:\n {2}tessera generate --model digits-var/);
    expect(page).toMatch(/--out DIR .*files of earlier runs stay/);
  });

  it('ends without a word where its reader has seen enough', () => {
    const command = `"${process.execPath}" "${bin}" --help | true; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', command], { encoding: 'utf8', cwd: folder });
    expect([stdout, stderr]).toEqual(['141\n', '']);
  });

  it.each([
    [['inspekt'], /got the command inspekt; expected one of generate.*Did you mean inspect\?/],
    [['trace', 'dif', 'a', 'b'], /got the command trace dif; expected trace or trace diff\. Did you mean trace diff\?/],
    [
      ['generate', '--model', 'a', '--model=b'],
      /\[tessera generate\] got --model NAME twice; expected --model NAME once/,
    ],
    [['inspect'], /got no argument; expected tessera inspect FILE/],
    [
      ['generate', '--colour', 'red'],
      /got the unknown option --colour; expected tessera generate --model NAME --out DIR/,
    ],
    [['generate', '--cuont', '4'], /got the unknown option --cuont; .* Did you mean --count\?/],
  ])('%j is not understood: exit code 2', (args, sentence) => {
    const { status, stdout, stderr } = tessera(...args);
    expect(stderr).toMatch(sentence);
    expect([status, stdout]).toEqual([2, '']);
  });
});

describe('generate', () => {
  it('writes a PNG a sample, a grid, a strip and an animation, and prints timings', async () => {
    const out = join(folder, 'four');
    const shared = ['--label', '1', '--out', out, '--steps-strip', '--animation', '--json'];
    const { status, stdout, stderr } = tessera(
      'generate',
      '--model',
      'micro',
      '--count',
      '4',
      '--seed',
      '3',
      ...shared,
    );
    expect([status, stderr]).toEqual([0, '']);
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ model: 'micro', images: 4 });
    expect(result.timings_ms.steps.map(({ index }: { index: number }) => index)).toEqual([0, 1, 2]);
    expect(readdirSync(out).sort()).toEqual([
      'grid.png',
      'label-1-seed-3.png',
      'label-1-seed-4.png',
      'label-1-seed-5.png',
      'label-1-seed-6.png',
      'steps.png',
      'steps.webp',
    ]);
    const strip = await sharp(join(out, 'steps.png')).metadata();
    const grid = await sharp(join(out, 'grid.png')).metadata();
    expect(strip.format).toBe('png');
    // As large as the grid. The finished images are those of the third step: equal frames become one.
    expect(await sharp(join(out, 'steps.webp'), { animated: true }).metadata()).toMatchObject({
      pages: 3,
      pageHeight: grid.height,
      width: grid.width,
      delay: [833, 833, 2833],
    });
  });

  it('makes the same bytes alone and in a batch', () => {
    const alone = join(folder, 'alone');
    expect(tessera('generate', '--model', micro, '--label', '1', '--seed', '5', '--out', alone).status).toBe(0);
    const inBatch = readFileSync(join(folder, 'four', 'label-1-seed-5.png'));
    expect(readFileSync(join(alone, 'label-1-seed-5.png')).equals(inBatch)).toBe(true);
  });

  it('stops at an interrupt with one sentence; what is written is whole', async () => {
    const out = join(folder, 'interrupted');
    const args = ['generate', '--model', 'micro', '--count', '10000', '--batch', '2', '--out', out];
    const child = spawn(process.execPath, [bin, ...args], { cwd: folder });
    let stderr = '';
    child.stderr.on('data', (chunk) => (stderr += String(chunk)));
    const ended = new Promise<number | null>((done) => child.once('exit', (code) => done(code)));
    while (!existsSync(out) && child.exitCode === null) await delay(20);
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(stderr).toMatch(
      /^Interrupted: (no image is finished|1 image is in .*interrupted|\d+ images are in .*interrupted)\.\n$/,
    );
    for (const name of readdirSync(out)) {
      expect(name).toMatch(/^label-.*\.png$/);
      expect((await sharp(join(out, name)).metadata()).format).toBe('png');
    }
  });

  it.each([
    [['--model', 'missing'], /got the model missing; expected one of micro.*\(unknown-model\)/],
    [['--model', 'mikro'], /got the model mikro; .*Did you mean micro\?/],
    [['--label', '99'], /got the label 99; expected a number from 0 to 4.*\(unknown-label\)/],
    [['--count', '0'], /got --count 0; expected an integer from 1.*\(option\)/],
    [['--guidance', 'NaN'], /got --guidance NaN; expected a number.*\(option\)/],
    [['--set', 'topK=99999'], /got topK = 99999; expected an integer from 0 to 32.*\(field-invalid\)/],
    [['--set', 'topP=high'], /got topP = "high"; expected a number from 0 to 1.*\(field-invalid\)/],
    [
      ['--set', 'topk=3'],
      /unknown option topk; expected only topK, topP, smooth, guidanceUntil. Did you mean topK\?.*\(option-unknown\)/,
    ],
    [['--set', 'smooth'], /\[tessera generate\] got --set smooth; expected NAME=VALUE.*\(option\)/],
    [['--label', '1,2,3', '--count', '2'], /\[tessera generate\] got --count 2 for 3 labels; .*\(option\)/],
    [['--seed', '-1'], /got --seed -1; expected an integer from 0.*\(option\)/],
    [['--target', 'abacus'], /got the target 'abacus'.*\(target-unknown\)/],
    [['--out', trainer], /which is a file.*\(output-not-writable\)/],
  ])('refuses %j in one sentence and writes nothing', (bad, sentence) => {
    const out = join(folder, 'refused');
    const rest = [
      ['--model', 'micro'],
      ['--out', out],
    ].filter(([name]) => name !== bad[0]);
    const { status, stderr } = tessera('generate', ...rest.flat(), ...bad);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(sentence);
    expect([status, existsSync(out)]).toEqual([1, false]);
  });
});

describe('files', () => {
  it('inspects a checkpoint: name, dtype, shape, sha256 of the bytes', () => {
    const { stdout, status } = tessera('inspect', trainer, '--json');
    const { format, tensors } = JSON.parse(stdout);
    expect([status, format]).toEqual([0, 'torch-zip']);
    const head = tensors.find(({ name }: { name: string }) => name === 'trainer.var_wo_ddp.head.weight');
    expect(head).toMatchObject({ dtype: 'float32', shape: [32, 32], sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
  });

  it('reads the tensors of a file with other objects, and names what it leaves out', () => {
    const file = resolve(trainer, '../../../checkpoints/fixtures/unknown_objects.pth');
    const refused = tessera('inspect', file);
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('--skip-unknown')]);
    const { stdout, status } = tessera('inspect', file, '--skip-unknown');
    expect(status).toBe(0);
    expect(stdout).toContain('left out: run (posix.system), which can run code where Python loads it');
    expect(stdout).toContain('11 tensors');
    expect(existsSync('/tmp/pwned_by_skipping')).toBe(false);
  });

  it('exports what it imported, bit for bit', () => {
    const out = join(folder, 'official');
    expect(tessera('export', 'micro', '--out', out).status).toBe(0);
    const hashes = (file: string, prefix: string) =>
      JSON.parse(tessera('inspect', file, '--json').stdout)
        .tensors.filter(({ name }: { name: string }) => name.startsWith(prefix))
        .map(({ name, sha256 }: { name: string; sha256: string }) => `${name.slice(prefix.length)} ${sha256}`)
        .sort();
    expect(hashes(join(out, 'var.safetensors'), '')).toEqual(hashes(trainer, 'trainer.var_wo_ddp.'));
    expect(hashes(join(out, 'vae.safetensors'), '')).toEqual(hashes(trainer, 'trainer.vae_local.'));
  });

  it('replaces neither a trained model nor a file that is no export, and tells of an imported model that it replaces', () => {
    const kept = join(folder, 'kept');
    cpSync(resolve(import.meta.dirname, '../../../models/digits-var'), kept, { recursive: true });
    const before = readFileSync(join(kept, 'model.json'), 'utf8');
    const refused = tessera('import', '--transformer', trainer, '--out', kept);
    expect(refused).toMatchObject({ status: 1, stderr: expect.stringMatching(/digits-var.*\(model-exists\)\n$/) });
    expect(readFileSync(join(kept, 'model.json'), 'utf8')).toBe(before);
    const again = join(folder, 'again');
    expect(tessera('import', '--transformer', trainer, '--out', again).stderr).not.toMatch(/replaces/);
    expect(tessera('import', '--transformer', trainer, '--out', again)).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/this replaces the model again/),
    });
    const own = join(folder, 'own');
    mkdirSync(own);
    writeFileSync(join(own, 'var.safetensors'), 'mine');
    expect(tessera('export', again, '--out', own).stderr).toMatch(/\(export-exists\)/);
    expect(readFileSync(join(own, 'var.safetensors'), 'utf8')).toBe('mine');
    const free = join(folder, 'free');
    for (let time = 0; time < 2; time++) expect(tessera('export', again, '--out', free)).toMatchObject({ status: 0 });
  });

  it('imports, runs and exports either family of models', () => {
    const fixtures = resolve(trainer, '..');
    const files = ['--transformer', join(fixtures, 'checkpoint-last_micro.pth')];
    const vae = ['--tokenizer', join(fixtures, 'kl16_micro.ckpt'), '--heads', '2', '--groups', '32'];
    const model = join(folder, 'models', 'masked');
    const imported = tessera('import', ...files, ...vae, '--latent-scale', '0.5', '--out', model);
    expect(imported).toMatchObject({ status: 0, stderr: '', stdout: expect.stringContaining('masked (MAR)') });
    const images = ['generate', '--model', 'masked', '--label', '2', '--out', join(folder, 'masked-images')];
    expect(tessera(...images, '--set', 'steps=2', '--set', 'respacing=3,0')).toMatchObject({ status: 0 });
    const out = join(folder, 'masked-official');
    expect(tessera('export', 'masked', '--out', out).status).toBe(0);
    expect(readdirSync(out).sort()).toEqual(['kl.safetensors', 'mar.safetensors']);
    const plain = ['--transformer', join(out, 'mar.safetensors'), '--tokenizer', join(out, 'kl.safetensors')];
    const refused = tessera('import', ...plain, '--weights', 'ema', '--out', join(folder, 'models', 'never'));
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('(ema-missing)')]);
  });

  it('refuses a damaged checkpoint and leaves nothing', () => {
    const damaged = join(folder, 'damaged.pth');
    writeFileSync(damaged, readFileSync(trainer).subarray(0, 5000));
    const out = join(folder, 'models', 'damaged');
    const { status, stderr } = tessera('import', '--transformer', damaged, '--out', out);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect([status, existsSync(out)]).toEqual([1, false]);
  });

  it('refuses weights that were altered', () => {
    const file = join(micro, 'head.safetensors');
    const whole = readFileSync(file);
    const altered = Buffer.from(whole);
    altered[altered.length - 1]! ^= 1;
    writeFileSync(file, altered);
    const { status, stderr } = tessera('generate', '--model', 'micro', '--out', join(folder, 'never'));
    writeFileSync(file, whole);
    expect(stderr).toMatch(/expected [0-9a-f]{64}, as model.json says.*\(weights-altered\)/);
    expect([status, existsSync(join(folder, 'never'))]).toEqual([1, false]);
  });
});

describe('facts', () => {
  it('lists models, one that is broken too, and shows one', () => {
    expect(tessera('models').stdout).toMatch(/^micro +\S/m);
    mkdirSync(join(folder, 'models', 'broken'));
    writeFileSync(join(folder, 'models', 'broken', 'model.json'), '{');
    const misfit = JSON.parse(readFileSync(join(micro, 'model.json'), 'utf8'));
    misfit.order = { plugin: 'random-sets', config: {} };
    mkdirSync(join(folder, 'models', 'misfit'));
    writeFileSync(join(folder, 'models', 'misfit', 'model.json'), JSON.stringify({ ...misfit, name: 'misfit' }));
    const { status, stdout, stderr } = tessera('models');
    for (const name of ['broken', 'misfit']) rmSync(join(folder, 'models', name), { recursive: true });
    expect(stdout).not.toContain('misfit');
    for (const line of stderr.trim().split('\n')) expect(line).toMatch(/models.(broken|misfit)/);
    expect(stderr.trim().split('\n')).toHaveLength(2);
    expect([status, stdout, stderr]).toEqual([
      1,
      expect.stringMatching(/^micro +\S/m),
      expect.stringContaining('broken'),
    ]);
    expect(JSON.parse(tessera('models', 'micro', '--json').stdout)).toMatchObject({
      name: 'micro',
      classes: ['0', '1', '2', '3', '4'],
      options: { properties: { topK: { type: 'integer', maximum: 32 } } },
    });
    const page = tessera('models', 'micro').stdout;
    expect(page).toMatch(/^ {2}topK +integer from 0 to 32, default \d+: Draws among /m);
    expect(page).toMatch(/^ {2}smooth +true or false, default false: /m);
  });

  it('tells versions, the target and why', () => {
    const facts = JSON.parse(tessera('doctor', '--json').stdout);
    expect(facts).toMatchObject({
      target: expect.stringMatching(/^onnx: /),
      '@tensorflow/tfjs': '4.22.0',
      sharp: '0.35.5',
      models: expect.stringMatching(/\bmicro\b/),
    });
  });
});
