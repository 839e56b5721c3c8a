import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inputs, sentences, tessera } from './tessera.ts';

const recipe = (name: string) => join(inputs, 'recipes', `${name}.json`);
let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'tessera-field-'))));
afterAll(() => rmSync(folder, { recursive: true }));

describe('recipes', () => {
  it('counts no hidden folder as a class', async () => {
    const run = await tessera('train', recipe('hidden-class'), '--dry-run');
    // The recipe was written for three classes, the hidden folder among them.
    expect(sentences(run).at(-1)).toMatch(/3 classes and data of 2/);
    expect(run.status).toBe(1);
  });

  it('refuses before training, or trains without, where nothing is left to validate', { tags: ['long'] }, async () => {
    const dry = await tessera('train', recipe('no-validation'), '--dry-run');
    if (dry.status !== 0) return expect(sentences(dry)).toHaveLength(1);
    const run = await tessera('train', recipe('no-validation'), '--out', join(folder, 'none'));
    expect(run).toMatchObject({ status: 0 });
    expect(run.err).not.toMatch(/TypeError|null/);
  });

  it('reads a file that begins with a byte order mark', async () => {
    cpSync(join(inputs, 'data'), join(folder, 'data-work'), { recursive: true });
    cpSync(join(inputs, 'recipes'), join(folder, 'recipes'), { recursive: true });
    const run = await tessera('train', join(folder, 'recipes', 'with-bom.json'), '--dry-run');
    expect(run).toMatchObject({ status: 0 });
  });

  it('never trains tokens of one class under the label of another', async () => {
    const data = join(folder, 'data-work');
    cpSync(join(inputs, 'data'), data, { recursive: true });
    cpSync(join(inputs, 'recipes'), join(folder, 'recipes'), { recursive: true });
    const out = join(folder, 'stale');
    const train = (...more: string[]) =>
      tessera('train', join(folder, 'recipes', 'stale-tokens.json'), '--out', out, ...more);
    expect(await train()).toMatchObject({ status: 0 });
    const weights = () => readFileSync(join(out, 'model', 'backbone.safetensors'));
    const before = weights();
    // As if it had ended while the generator was trained.
    rmSync(join(out, 'model'), { recursive: true });
    rmSync(join(out, 'generator.checkpoint.safetensors'), { force: true });
    renameSync(join(data, 'cat'), join(data, 'zcat'));
    const again = await train('--resume');
    if (again.status !== 0) {
      expect(sentences(again).at(-1)).toMatch(/data|images|classes/);
      return;
    }
    expect(weights().equals(before)).toBe(false);
    expect(again.err + again.out).toMatch(/encod|token|chang/);
  });
});
