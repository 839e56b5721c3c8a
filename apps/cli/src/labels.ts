import { TesseraError } from '@tessera/errors';
import { chooseClass, readingsOf, type ModelManifest } from '@tessera/models';
import type { Option } from './command.ts';

/** The model that the labels are for. */
type Named = Pick<ModelManifest, 'name' | 'classes'>;

/** `--label` of every command that makes images; `normally` holds without it. */
export function labelOption(normally: string): Option {
  return {
    type: 'string',
    value: 'L',
    help: `class: its number, its name, a list 0,1,2, or none; repeatable; number:3 and name:3 where both fit (default: ${normally})`,
    repeats: true,
  };
}

/** The classes that `--label` chooses, in the order in which they were said. @throws TesseraError `unknown-label`, `ambiguous-label` */
export function readLabels(options: readonly string[], model: Named): number[] {
  return options.flatMap((option) => readOption(option, { who: model.name, classes: model.classes }));
}

/** A name may hold commas: an option is a list only where it is no class as a whole. */
function readOption(option: string, named: { readonly who: string; readonly classes: readonly string[] }): number[] {
  const words = option.split(',');
  if (words.length === 1 || option.startsWith('name:')) return [chooseClass(option, named)];
  if (readingsOf(option, named.classes).length === 0) return words.map((word) => chooseClass(word, named));
  if (words.some((word) => readingsOf(word, named.classes).length === 0)) return [chooseClass(option, named)];
  throw new TesseraError({
    code: 'ambiguous-label',
    who: named.who,
    got: `--label ${option}, which is the name of a class and a list of classes`,
    expected: 'one of both',
    next: `Say name:${option} for the class, or --label once for each class of the list.`,
  });
}

/** One label per image: `chosen` in turn, or one of each where no count was said. @throws TesseraError `option` */
export function spreadLabels(chosen: readonly number[], count: number | undefined): number[] {
  const images = count ?? chosen.length;
  if (images >= chosen.length) return Array.from({ length: images }, (_, image) => chosen[image % chosen.length]!);
  throw new TesseraError({
    code: 'option',
    who: 'tessera',
    got: `--count ${images} for ${chosen.length} labels`,
    expected: `at least ${chosen.length}, an image for each label`,
    next: 'Leave --count out for one of each.',
  });
}
