import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { findModel, listModelFolders, modelRoots } from './folders.ts';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'tessera-find-'));
  for (const name of ['b', 'a', '.a.7.new', '.ipynb_checkpoints']) {
    mkdirSync(join(root, 'models', name), { recursive: true });
    writeFileSync(join(root, 'models', name, 'model.json'), '{}');
  }
  mkdirSync(join(root, 'models', 'not-a-model'));
  mkdirSync(join(root, 'deep', 'below'), { recursive: true });
});
afterAll(() => rmSync(root, { recursive: true }));

describe('finding models', () => {
  it('looks upwards for a models folder and lists what holds a model.json', () => {
    const roots = modelRoots(join(root, 'deep', 'below'));
    expect(roots).toEqual([join(root, 'models')]);
    expect(listModelFolders(roots).map(({ name }) => name)).toEqual(['a', 'b']);
  });

  it('finds by name and by path', () => {
    const roots = [join(root, 'models')];
    expect(findModel('b', roots).folder).toBe(join(root, 'models', 'b'));
    expect(findModel(join(root, 'models', 'a'), roots).name).toBe('a');
  });

  it('reads TESSERA_MODELS from the working folder, wherever else is looked, and refuses what is not there', () => {
    vi.stubEnv('TESSERA_MODELS', relative(process.cwd(), join(root, 'models')));
    expect(modelRoots(join(root, 'deep'))).toEqual([join(root, 'models')]);
    vi.stubEnv('TESSERA_MODELS', join(root, 'modles'));
    expect(() => modelRoots()).toThrowError(/^\[models\] got the folder .*modles in TESSERA_MODELS; expected a folder/);
    vi.unstubAllEnvs();
  });

  it('names what there is when a model is unknown', () => {
    expect(() => findModel('c', [join(root, 'models')])).toThrowError(
      /got the model c; expected one of a, b, or a path/,
    );
    expect(() => findModel('../secret', [join(root, 'models')])).toThrowError(/a folder that holds a model.json/);
    expect(() => findModel('bb', [join(root, 'models')])).toThrowError(/Did you mean b\?/);
  });
});
