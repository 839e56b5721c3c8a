import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint, writeSafetensors } from '@tessera/checkpoints';
import type { Engine } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { imagesOfClasses } from '@tessera/request';
import { readManifest, openModel } from '../../model-folder.ts';
import { exportModel, type ExportedFiles } from '../export-model.ts';
import { importModel, type ImportRequest } from '../import-model.ts';

const shipped = fileURLToPath(new URL('../../../../../models/digits-var', import.meta.url));

let root: string;
let engine: Engine;
let files: ExportedFiles;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tessera-round-trip-'));
  engine = createEngine();
  files = await exportModel(shipped, join(root, 'exported'));
});
afterAll(async () => {
  engine.dispose();
  await rm(root, { recursive: true });
});

function request(out: string, more: Partial<ImportRequest> = {}): ImportRequest {
  return { engine, ...files, out: join(root, out), name: 'digits-var', dtype: 'float16', ...more };
}

async function imageOf(folder: string): Promise<Float32Array> {
  const model = await openModel(folder, { engine });
  try {
    for await (const event of model.generate({ images: imagesOfClasses([3]), seed: 11, preview: 'none' })) {
      if (event.type === 'image') return event.pixels.data;
    }
    throw new Error('no image');
  } finally {
    model.dispose();
  }
}

/** The exported tokenizer with other metadata. */
async function withMetadata(metadata: Record<string, string>): Promise<string> {
  const file = await openCheckpoint(files.tokenizer);
  const path = join(root, 'other.safetensors');
  const tensors = [...file.tensors.values()].map((entry) => ({ ...entry, bytes: () => file.read(entry.name) }));
  await writeSafetensors(path, tensors, metadata);
  await file.close();
  return path;
}

describe('exporting the shipped model and importing it again', () => {
  it('gives the same bytes, the same settings and the same image', async () => {
    const before = await readManifest(shipped);
    const { manifest: after } = await importModel(request('again'));
    for (const component of ['tokenizer', 'backbone', 'head'] as const) {
      expect(after[component].weights).toEqual(before[component].weights);
      const name = before[component].weights!.file;
      const bytes = await readFile(join(shipped, name));
      expect((await readFile(join(root, 'again', name))).equals(bytes), name).toBe(true);
    }
    const { title, description, licence, data, classes, defaults } = before;
    expect(after).toMatchObject({ title, description, licence, data, classes, defaults });
    expect(after.backbone.config).toMatchObject(before.backbone.config as object);
    expect(after.tokenizer.config).toMatchObject(before.tokenizer.config as object);
    expect(after.tokenizer.config).toHaveProperty('preview.weight');
    expect(await imageOf(join(root, 'again'))).toEqual(await imageOf(shipped));
  });

  it('lets the request win over the notes', async () => {
    const classes = Array.from({ length: 10 }, (_, digit) => `digit ${digit}`);
    const { manifest: after } = await importModel(request('changed', { classes, licence: 'CC0' }));
    expect(after).toMatchObject({ classes, licence: 'CC0', title: 'Handwritten digits (VAR)' });
    await expect(importModel(request('refused', { classes: ['one'] }))).rejects.toMatchObject({
      code: 'classes-mismatch',
    });
  });

  it('refuses settings that contradict the notes where weights do not show them', async () => {
    const { manifest: after } = await importModel(request('same', { hints: { groups: 16 } }));
    expect(after.tokenizer.config).toMatchObject({ groups: 16, quant_resi: 0.5 });
    await expect(importModel(request('refused', { hints: { groups: 8 } }))).rejects.toThrow(
      'got groups 8 (--groups) and 16 (tessera.tokenizer)',
    );
  });

  it.each([
    ['{', 'notes-malformed'],
    ['[]', 'field-invalid'],
    ['{"groups":16}', 'field-missing'],
    ['{"quant_resi":0.5,"using_znorm":false,"beta":0.25,"groups":1e9,"counted":true}', 'field-invalid'],
    ['{"quant_resi":0.5,"using_znorm":false,"beta":0.25,"groups":16,"counted":true,"x":1}', 'field-unknown'],
  ])('trusts no notes: %s', async (text, code) => {
    const tokenizer = await withMetadata({ 'tessera.tokenizer': text });
    await expect(importModel(request('refused', { tokenizer }))).rejects.toMatchObject({ code });
  });
});
