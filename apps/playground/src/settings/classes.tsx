import { useMemo } from 'react';
import type { Model } from '../api/operations.ts';
import { Hint } from './fields.tsx';

/** A class, -1 for none, or `each` for one image of every class. */
export type Label = number | 'each';

type Classes = Model['classes'];

/** What the picker offers besides classes: a class of such a name is shown with its number. */
export const EACH = 'each once';
export const NO_CLASS = 'no class';

/**
 * Every class that a word in the address can mean, ascending, -1 for none: the rule of the command line and of the API.
 * A name, a number, `none` or `-1`; `number:3` and `name:3` where both fit. Where it is none of these, one of several names
 * of a class (`tench, Tinca tinca`).
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
  if (readings.length > 0) return [...new Set(readings)].sort((one, other) => one - other);
  return classes.flatMap(({ label, name }) => (namesOf(name).some((one) => names.includes(plain(one))) ? label : []));
}

/** The names of a class, each by itself; none that is empty. */
function namesOf(name: string): string[] {
  return name.split(',').filter((one) => one.trim() !== '');
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

/** More classes than this are a list to choose from instead of buttons. */
const MOST_BUTTONS = 24;

interface ClassPickerProps {
  readonly model: Model;
  readonly label: Label;
  /** A sentence about a class that the address named and that could not be chosen. */
  readonly refused: string | null;
  onPick(label: Label): void;
}

export function ClassPicker({ model, label, refused, onPick }: ClassPickerProps) {
  const choices = useMemo((): { readonly value: Label; readonly name: string }[] => {
    const classes = model.classes.map(({ label: value }) => ({ value, name: titleOf(value, model.classes) }));
    return [...classes, { value: 'each', name: EACH }, { value: -1, name: NO_CLASS }];
  }, [model]);
  if (model.classes.length > MOST_BUTTONS) {
    return (
      <div className="field">
        <label htmlFor="class">Class</label>
        <select
          id="class"
          value={String(label)}
          onChange={({ target }) => onPick(choices.find(({ value }) => String(value) === target.value)!.value)}
        >
          {choices.map(({ value, name }) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
        <Hint id="class" text={refused ?? undefined} />
      </div>
    );
  }
  return (
    <fieldset className="classes">
      <legend>Class</legend>
      {choices.map(({ value, name }) => (
        <label key={value} className="chip">
          <input type="radio" name="class" value={value} checked={value === label} onChange={() => onPick(value)} />
          <span>{name}</span>
        </label>
      ))}
      <Hint id="class" text={refused ?? undefined} />
    </fieldset>
  );
}
