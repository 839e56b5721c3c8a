import { nearestName } from '@tessera/schema';
import { TesseraError } from '@tessera/errors';

/** Whose classes they are, for an error, and their names in the order of their numbers. */
export interface NamedClasses {
  readonly who: string;
  readonly classes: readonly string[];
}

/** An error lists this many readings of a word at most. */
const MOST_LISTED = 6;

/**
 * The class that a word chooses, by one rule for the command line and the API: the name of a class, its number from 0,
 * or `none` or `-1` for the null class (-1). A word that can be read in two ways is refused: `number:3` and `name:3`
 * say which way is meant. @throws TesseraError `unknown-label`, `ambiguous-label`
 */
export function chooseClass(word: string, named: NamedClasses): number {
  const labels = readingsOf(word, named.classes);
  if (labels.length === 1) return labels[0]!;
  throw labels.length === 0 ? unknown(word, named) : ambiguous(word, labels, named);
}

/**
 * Every class that a word can mean, ascending, -1 for the null class: empty for a word that is no class. A class may have
 * several names with commas between them, as those of ImageNet (`tench, Tinca tinca`): where the word is nothing else, it
 * may be any one of them.
 */
export function readingsOf(word: string, classes: readonly string[]): number[] {
  const text = plain(word);
  const [, prefix, rest = ''] = /^(number|name):(.*)$/s.exec(text) ?? [];
  const names = prefix === 'name' ? [text, rest.trim()] : [text];
  const readings = [
    ...(text === 'none' ? [-1] : []),
    ...numberReading(prefix === 'number' ? rest.trim() : text, classes.length),
    ...classes.flatMap((name, label) => (names.includes(plain(name)) ? label : [])),
  ];
  if (readings.length > 0) return [...new Set(readings)].sort((one, other) => one - other);
  return classes.flatMap((name, label) => (namesOf(name).some((one) => names.includes(plain(one))) ? label : []));
}

/** The names of a class, each by itself; none that is empty. */
function namesOf(name: string): string[] {
  return name.split(',').filter((one) => one.trim() !== '');
}

function numberReading(text: string, classes: number): number[] {
  return /^(-1|\d+)$/.test(text) && Number(text) < classes ? [Number(text)] : [];
}

/** Names come from files and folders: letters of two code points, as macOS writes them, are the same letters. */
function plain(text: string): string {
  return text.normalize('NFC').trim();
}

function shortened(word: string): string {
  return word.length > 80 ? `${word.slice(0, 80)}...` : word;
}

function unknown(word: string, { who, classes }: NamedClasses): TesseraError {
  // A name is mistyped; of a number no other one is near.
  const isName = /\p{L}/u.test(word) && Number.isNaN(Number(word));
  const known = classes.flatMap((name) => [name, ...namesOf(name).map(plain)]);
  const near = isName ? nearestName(shortened(word), known) : null;
  return new TesseraError({
    code: 'unknown-label',
    who,
    got: word.trim() === '' ? 'an empty label' : `the label ${shortened(word)}`,
    expected: `a number from 0 to ${classes.length - 1}, the name of a class, or none`,
    next:
      near === null
        ? `See its classes: tessera models ${who}, or models { classes } of the API.`
        : `Did you mean ${near}?`,
  });
}

function ambiguous(word: string, labels: readonly number[], { who, classes }: NamedClasses): TesseraError {
  const readings = labels.map((label) =>
    label === -1 ? 'number:-1 (no class)' : `number:${label} (${classes[label]})`,
  );
  const more = readings.length - MOST_LISTED;
  return new TesseraError({
    code: 'ambiguous-label',
    who,
    got: `the label ${shortened(word)}, which can mean ${labels.length} classes`,
    expected: `one of ${readings.slice(0, MOST_LISTED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
    next: 'Choose by number.',
  });
}
