import type { Model } from '../api/types.ts';
import type { Settings } from './settings.ts';

/** More classes than this are a list to choose from instead of buttons. */
const MOST_BUTTONS = 24;

interface Props {
  readonly model: Model;
  readonly label: Settings['label'];
  onPick(label: Settings['label']): void;
}

export function ClassPicker({ model, label, onPick }: Props) {
  const choices: { readonly value: Settings['label']; readonly name: string }[] = [
    ...model.classes.map(({ label: value, name }) => ({ value, name })),
    { value: 'each', name: 'each once' },
    { value: -1, name: 'no class' },
  ];
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
    </fieldset>
  );
}
