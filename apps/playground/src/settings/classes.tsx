import { useId, useMemo, useState } from 'react';
import type { Model } from '../api/operations.ts';

/** A class, -1 for none, or `each` for one image of every class. */
export type Label = number | 'each';

type Classes = Model['classes'];

/** What the picker offers besides classes: a class of such a name is shown with its number. */
const EACH = 'each once';
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

/** What was expected in place of the class in the address; null where it can be read. */
export function refusedWord(word: string | null, classes: Classes): string | null {
  if (word === null || word === 'each') return null;
  const readings = readingsOf(word, classes);
  if (readings.length === 1) return null;
  if (readings.length === 0) return `a class of this model, by name or number; it has ${classes.length}`;
  const several = readings.slice(0, 6).map((label) => `number:${label} (${titleOf(label, classes)})`);
  return `one of the ${readings.length} classes that it can mean: ${several.join(', ')}${readings.length > 6 ? ' …' : ''}`;
}

/** More classes than this are searched by name instead of shown all at once. */
const MOST_BUTTONS = 24;
/** Of those that a search finds. */
const MOST_FOUND = 40;

interface ClassPickerProps {
  readonly model: Model;
  readonly label: Label;
  onPick(label: Label): void;
}

interface Choice {
  readonly value: Label;
  readonly name: string;
}

/** A class by a button; many of them by a search in their names. */
export function ClassPicker({ model, label, onPick }: ClassPickerProps) {
  const [words, setWords] = useState('');
  const isMany = model.classes.length > MOST_BUTTONS;
  const choices = useMemo((): readonly Choice[] => {
    return model.classes.map(({ label: value }) => ({ value, name: titleOf(value, model.classes) }));
  }, [model]);
  const found = isMany ? findClasses(choices, words) : choices;
  const shown = withChosen(
    found.slice(0, MOST_FOUND),
    choices.find(({ value }) => value === label),
  );
  const id = useId();
  return (
    <fieldset className="classes">
      <legend>Class</legend>
      {isMany && (
        <input
          type="text"
          value={words}
          placeholder={`Search ${model.classes.length} classes`}
          aria-label="Search classes"
          aria-describedby={`${id}-found`}
          spellCheck={false}
          onChange={({ target }) => setWords(target.value)}
          // Enter would run what was chosen before the search.
          onKeyDown={(event) => event.key === 'Enter' && event.preventDefault()}
        />
      )}
      <div className={isMany ? 'found' : 'all'}>
        {[...shown, { value: 'each' as const, name: EACH }, { value: -1, name: NO_CLASS }].map(({ value, name }) => (
          <label key={value} className="chip">
            <input type="radio" name="class" value={value} checked={value === label} onChange={() => onPick(value)} />
            <span>{name}</span>
          </label>
        ))}
      </div>
      {isMany && (
        <p id={`${id}-found`} className="hint" role="status">
          {found.length > MOST_FOUND
            ? `The first ${MOST_FOUND} of ${found.length} are shown: type more of the name.`
            : `${found.length} found.`}
        </p>
      )}
    </fieldset>
  );
}

/** The chosen one stays in sight, whatever is searched. */
function withChosen(found: readonly Choice[], chosen: Choice | undefined): readonly Choice[] {
  return !chosen || found.includes(chosen) ? found : [chosen, ...found];
}

/** Those whose name holds all words, in any order; a number alone is a label. */
export function findClasses(choices: readonly Choice[], words: string): readonly Choice[] {
  const wanted = plain(words).toLowerCase().split(/\s+/).filter(Boolean);
  return choices.filter(({ value, name }) => {
    const text = plain(name).toLowerCase();
    return wanted.every((word) => text.includes(word) || word === String(value) || word === `#${value}`);
  });
}
