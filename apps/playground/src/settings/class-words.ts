import type { Model } from '../api/types.ts';

type Classes = Model['classes'];

/** What the picker offers besides classes: a class of such a name is shown with its number. */
export const EACH = 'each once';
export const NO_CLASS = 'no class';

/**
 * Every class that a word in the address can mean, ascending, -1 for none: the rule of the command line and of the API.
 * A name, a number, `none` or `-1`; `number:3` and `name:3` where both fit.
 */
export function readingsOf(word: string, classes: Classes): number[] {
  const text = plain(word);
  const [, prefix, rest = ''] = /^(number|name):(.*)$/s.exec(text) ?? [];
  const names = prefix === 'name' ? [text, rest.trim()] : [text];
  const number = prefix === 'number' ? rest.trim() : text;
  const readings = [
    ...(text === 'none' ? [-1] : []),
    ...(/^(-1|\d+)$/.test(number) && Number(number) < classes.length ? [Number(number)] : []),
    ...classes.flatMap(({ label, name }) => (names.includes(plain(name)) ? label : [])),
  ];
  return [...new Set(readings)].sort((one, other) => one - other);
}

function plain(text: string): string {
  return text.normalize('NFC').trim();
}

/** The word for a class: its number, which says so itself where the number alone could be another's name. */
export function wordOf(label: number, classes: Classes): string {
  return readingsOf(String(label), classes).length === 1 ? String(label) : `number:${label}`;
}

/** The name of a class, with its number wherever the name could be taken for something else. */
export function titleOf(label: number, classes: Classes): string {
  const name = classes[label]?.name;
  if (name === undefined) return NO_CLASS;
  const isPlain = readingsOf(name, classes).length === 1 && name !== EACH && name !== NO_CLASS;
  return isPlain ? name : `${name} (#${label})`;
}

/** What is wrong with the class in the address, for people; null where it can be read. */
export function refusedWord(word: string | null, classes: Classes): string | null {
  if (word === null || word === 'each') return null;
  const readings = readingsOf(word, classes);
  if (readings.length === 1) return null;
  const asked = `The address asks for the class “${word.slice(0, 80)}”`;
  if (readings.length === 0) return `${asked}, which this model does not have.`;
  const several = readings.slice(0, 6).map((label) => `number:${label} (${titleOf(label, classes)})`);
  return `${asked}, which can mean ${readings.length} classes: ${several.join(', ')}${readings.length > 6 ? ' …' : '.'}`;
}
