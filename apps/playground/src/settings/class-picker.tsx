import { useMemo } from 'react';
import type { Model } from '../api/types.ts';
import { EACH, NO_CLASS, titleOf } from './class-words.ts';
import { Hint } from './hint.tsx';
import type { Settings } from './settings.ts';

/** More classes than this are a list to choose from instead of buttons. */
const MOST_BUTTONS = 24;

interface Props {
  readonly model: Model;
  readonly label: Settings['label'];
  /** A sentence about a class that the address named and that could not be chosen. */
  readonly refused: string | null;
  onPick(label: Settings['label']): void;
}

export function ClassPicker({ model, label, refused, onPick }: Props) {
  const choices = useMemo((): { readonly value: Settings['label']; readonly name: string }[] => {
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
