import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inputs, sentences, tessera } from './tessera.ts';

const file = (name: string) => join(inputs, 'checkpoints', name);
let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'tessera-field-'))));
afterAll(() => rmSync(folder, { recursive: true }));

const importVar = (name: string, out: string, ...more: string[]) =>
  tessera('import', '--transformer', file(name), '--tokenizer', file('vqvae_micro.pth'), '--out', out, ...more);
const manifest = (out: string) => JSON.parse(readFileSync(join(out, 'model.json'), 'utf8'));

/** One sentence on standard error, nothing else, and an exit code that says so. */
function refused(run: Awaited<ReturnType<typeof tessera>>, ...words: RegExp[]): void {
  expect(sentences(run)).toHaveLength(1);
  for (const word of words) expect(run.err).toMatch(word);
  expect(run.status).toBe(1);
}

describe('weights', () => {
  it('reads the scale of each position by the type it is stored in', async () => {
    const out = join(folder, 'half');
    expect(await importVar('var_all_half_with_lvl.pth', out)).toMatchObject({ status: 0 });
    expect(manifest(out).tokenizer.config.patch_nums).toEqual([1, 2, 4]);
  });

  it('refuses a weight that float16 cannot hold, and keeps it in float32', async () => {
    const name = 'var_weight_above_65504.pth';
    refused(
      await importVar(name, join(folder, 'narrow'), '--dtype', 'float16'),
      /head\.bias/,
      /7\d{4}|[1-9]\d{4,}/,
      /65,?504/,
    );
    expect(await importVar(name, join(folder, 'wide'))).toMatchObject({ status: 0 });
  });

  it('takes the heads of MAR from what the trainer wrote down', async () => {
    const out = join(folder, 'mar');
    const files = ['--transformer', file('mar_w768_args_say_8_heads.pth'), '--tokenizer', file('kl16_micro.ckpt')];
    expect(await tessera('import', ...files, '--latent-scale', '0.2', '--out', out)).toMatchObject({ status: 0 });
    const { encoder, decoder } = manifest(out).backbone.config;
    expect([encoder.heads, decoder.heads]).toEqual([8, 8]);
  });

  it('says which sides it took, or asks, where several fit', async () => {
    const out = join(folder, 'sides');
    const run = await importVar('var_stripped_sides_1_2_3_8_8.pth', out);
    if (run.status === 0) expect(run.err).toMatch(/assum/);
    else refused(run, /--patch-nums/);
    const told = await importVar('var_stripped_sides_1_2_3_8_8.pth', out, '--patch-nums', '1,2,3,8,8');
    expect(told).toMatchObject({ status: 0 });
    expect(manifest(out).tokenizer.config.patch_nums).toEqual([1, 2, 3, 8, 8]);
  });

  it('names the tensor of a tokenizer that holds NaN', async () => {
    const files = ['--transformer', file('var_micro.pth'), '--tokenizer', file('vqvae_nan_in_decoder.pth')];
    refused(
      await tessera('import', ...files, '--out', join(folder, 'nan')),
      /NaN/,
      /decoder\./,
      /vqvae_nan_in_decoder/,
    );
  });

  it.each(['size', 'dtype', 'device'])('loads torch.%s, as torch.load(weights_only=True) does', async (kind) => {
    const run = await tessera('inspect', file(`harmless_${kind}.pth`));
    expect(run).toMatchObject({ status: 0, err: '' });
    expect(run.out).toMatch(/\d+ tensors?, /);
  });

  it.each(['numpy_scalar', 'posixpath', 'defaultdict'])(
    'refuses %s truly, as torch does, and reads the tensors beside it on demand',
    async (kind) => {
      const name = file(`harmless_${kind}.pth`);
      const run = await tessera('inspect', name);
      refused(run, /--skip-unknown/);
      expect(run.err).not.toMatch(/able to run|can run|runs code/);
      const skipping = await tessera('inspect', name, '--skip-unknown');
      expect(skipping.status).toBe(0);
      expect(skipping.out).toMatch(/\d+ tensors?, /);
    },
  );

  it('recognises a pointer of Git LFS', async () => {
    refused(await tessera('inspect', file('git_lfs_pointer.safetensors')), /git lfs pull/);
  });

  it.each(['var_escape_and_long_name.pth', 'escape_name.safetensors'])(
    'prints the names of %s harmlessly',
    async (name) => {
      const runs = [
        await tessera('inspect', file(name)),
        ...(name.endsWith('.pth') ? [await importVar(name, join(folder, 'escape'))] : []),
      ];
      for (const { out, err } of runs) {
        expect(out + err).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
        for (const line of (out + err).split('\n')) expect(line.length).toBeLessThan(1500);
      }
    },
  );
});

describe('class names', () => {
  it('never guesses between a number and a name', async () => {
    const model = join(folder, 'numeric');
    await importVar('var_micro.pth', model, '--classes', file('numeric_class_names.txt'));
    refused(await tessera('generate', '--model', model, '--label', '1', '--out', join(folder, 'n1')), /1/, /class/);
  });

  it('says that a name stands twice, and chooses names with commas', async () => {
    const model = join(folder, 'odd');
    await importVar('var_micro.pth', model, '--classes', file('odd_class_names.txt'));
    const generate = (label: string) =>
      tessera('generate', '--model', model, '--label', label, '--json', '--out', join(folder, 'odd-images'));
    refused(await generate('crane'), /crane/, /number:1/, /number:3/);
    expect(await generate('tench, Tinca tinca')).toMatchObject({ status: 0 });
    refused(await generate('none'), /none/);
  });
});
