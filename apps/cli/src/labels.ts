import { TesseraError } from '@tessera/errors';
import type { ModelManifest } from '@tessera/models';

/** The model that the labels are for. */
type Named = Pick<ModelManifest, 'name' | 'classes'>;

/**
 * One label per image from `--label`: a number, a class name, a list that is repeated, or `none` for the null class;
 * without the option every class in turn. @throws TesseraError `unknown-label`
 */
export function readLabels(option: string | boolean | undefined, count: number, model: Named): number[] {
  const { classes } = model;
  const cycle =
    typeof option === 'string' ? option.split(',').map((word) => oneLabel(word.trim(), model)) : [...classes.keys()];
  return Array.from({ length: count }, (_, i) => cycle[i % cycle.length] ?? -1);
}

function oneLabel(word: string, { name, classes }: Named): number {
  if (word === 'none' || word === '-1') return -1;
  const byName = classes.indexOf(word);
  if (byName >= 0) return byName;
  const label = Number(word);
  if (/^\d+$/.test(word) && label < classes.length) return label;
  throw new TesseraError({
    code: 'unknown-label',
    who: name,
    got: word === '' ? 'an empty label' : `the label ${word}`,
    expected: `a number from 0 to ${classes.length - 1}, the name of a class, or none`,
    next: `See the classes with tessera models ${name}.`,
  });
}
