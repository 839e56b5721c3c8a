import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { TesseraError } from '@tessera/errors';
import { findModel, type ModelFolder } from '@tessera/models';

/** What a word of the command names. */
export type Named =
  | { readonly kind: 'model'; readonly model: ModelFolder }
  | { readonly kind: 'recipe' | 'npz' | 'folder'; readonly path: string };

/** What is evaluated: a model, a folder of pictures, or an npz file. @throws TesseraError `unknown-model`, `file-missing` */
export function namedSubject(word: string): Exclude<Named, { kind: 'recipe' }> {
  const named = namedPath(word) ?? { kind: 'model' as const, model: findModel(word) };
  if (named.kind !== 'recipe') return named;
  const expected = 'a model, a folder of pictures or an npz file';
  throw new TesseraError({ code: 'file-unknown', who: 'tessera eval', got: `the recipe ${word}`, expected });
}

/** What it is compared with: a recipe's data, a folder of pictures, or an npz file. @throws TesseraError `file-missing` */
export function namedReference(word: string, option = '--against'): Exclude<Named, { kind: 'model' }> {
  const named = namedPath(word);
  if (named !== null && named.kind !== 'model') return named;
  throw new TesseraError({
    code: 'file-missing',
    who: `${option} ${word}`,
    got: named === null ? 'no such file or folder' : 'the folder of a model',
    expected: 'a recipe (.json), a folder of pictures, or an npz file of images or statistics',
  });
}

/** Null where the word is no path: it may be the name of a model. */
function namedPath(word: string): Named | null {
  const path = resolve(word);
  const isFile = existsSync(path) && statSync(path).isFile();
  if (word.endsWith('.json') && isFile) return { kind: 'recipe', path: word };
  if (word.endsWith('.npz')) return { kind: 'npz', path: word };
  if (isFile || !existsSync(path)) return null;
  if (!existsSync(join(path, 'model.json'))) return { kind: 'folder', path: word };
  return { kind: 'model', model: findModel(path) };
}
