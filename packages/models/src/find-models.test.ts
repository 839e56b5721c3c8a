import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findModel, listModelFolders, modelRoots } from './find-models.ts';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'tessera-find-'));
  for (const name of ['b', 'a']) {
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

  it('names what there is when a model is unknown', () => {
    expect(() => findModel('c', [join(root, 'models')])).toThrowError(
      /got the model c; expected one of a, b, or a path/,
    );
    expect(() => findModel('../secret', [join(root, 'models')])).toThrowError(/a folder that holds a model.json/);
  });
});
