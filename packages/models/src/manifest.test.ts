import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isTesseraError } from '@tessera/errors';
import { parseManifest, type ModelManifest } from './manifest.ts';
import { readManifest } from './model-folder.ts';

const weights = { file: 'tokenizer.safetensors', sha256: 'a'.repeat(64) };
const whole: ModelManifest = {
  format: 'tessera-model',
  version: 1,
  name: 'digits',
  title: 'Digits',
  description: 'Ten digits',
  licence: 'MIT',
  data: 'Drawn',
  classes: ['0', '1'],
  tokenizer: { plugin: 'vq', config: { V: 4 }, weights },
  order: { plugin: 'next-scale', config: {} },
  backbone: { plugin: '@acme/mixer', package: '@acme/tessera-mixer', config: {}, weights },
  head: { plugin: 'categorical', config: {}, weights },
  defaults: { guidance: { kind: 'ramp', scale: 1.5 }, options: { topK: 3 }, preview: 'linear' },
  metrics: { fid: 3.5 },
};

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'tessera-manifest-'))));
afterEach(() => rm(folder, { recursive: true }));

async function refusal(text: string | null): Promise<{ code: string; message: string }> {
  if (text !== null) await writeFile(join(folder, 'model.json'), text);
  const error = await readManifest(folder).then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!isTesseraError(error)) throw new Error('was accepted', { cause: error });
  return error;
}

function changed(path: string, value: unknown): string {
  const copy = JSON.parse(JSON.stringify(whole)) as Record<string, unknown>;
  const names = path.split('.');
  const last = names.pop()!;
  let at = copy;
  for (const name of names) at = at[name] as Record<string, unknown>;
  at[last] = value;
  return JSON.stringify(copy);
}

describe('model.json', () => {
  it('reads back what it was', async () => {
    await writeFile(join(folder, 'model.json'), JSON.stringify(whole));
    expect(await readManifest(folder)).toEqual(whole);
    const { metrics, ...without } = whole;
    expect(metrics).toBeDefined();
    expect(parseManifest(without, 'test')).toEqual(without);
  });

  it.each([
    [null, 'manifest-missing', 'no readable model.json'],
    ['{"format":', 'manifest-malformed', 'not JSON'],
    ['[]', 'field-invalid', 'an object'],
    [changed('format', 'other'), 'field-invalid', 'format'],
    [changed('version', 2), 'field-invalid', 'version'],
    [changed('name', undefined), 'field-missing', 'no name'],
    [changed('classes', [1]), 'field-invalid', 'classes[0]'],
    [changed('surprise', 1), 'field-unknown', 'surprise'],
    [changed('tokenizer', 'vq'), 'field-invalid', 'tokenizer'],
    [changed('tokenizer.plugin', 7), 'field-invalid', 'tokenizer.plugin'],
    [changed('head.weights.sha256', 'abc'), 'field-invalid', 'head.weights.sha256'],
    [changed('defaults.guidance.kind', 'rampp'), 'field-invalid', 'defaults.guidance.kind'],
    [changed('defaults.guidance.scale', -1), 'field-invalid', 'defaults.guidance.scale'],
    [changed('defaults.guidance.scale', 1e300), 'field-invalid', 'from 0 to 100'],
    [changed('defaults.options', []), 'field-invalid', 'defaults.options'],
    [changed('metrics', { fid: 'low' }), 'field-invalid', 'metrics.fid'],
  ])('refuses %s', async (text, code, words) => {
    const error = await refusal(text);
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
  });

  it.each(['../secret', '/etc/passwd', 'a/b', '..', '.hidden', 'a\\b', '', 'C:x'])(
    'refuses the weight file %j outside its folder',
    async (file) => {
      const error = await refusal(changed('backbone.weights.file', file));
      expect(error.code).toBe('field-invalid');
      expect(error.message).toContain('inside the model folder');
    },
  );
});
