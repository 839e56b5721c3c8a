import { useEffect, useId, useState } from 'react';
import type { Model } from '../api/operations.ts';
import { titleOf, wordOf } from '../settings/classes.tsx';
import { boundsOf } from '../settings/options.tsx';
import { areComparable, type Settings } from '../settings/settings.ts';
import { firstValues, type Axis, type Choice } from './comparison.ts';

interface AxisFieldProps {
  readonly title: string;
  readonly axis: Axis | null;
  readonly choices: readonly Choice[];
  readonly settings: Settings;
  readonly models: readonly Model[];
  /** Null where the axis is not needed. */
  onChange(axis: Axis | null): void;
  readonly isNeeded: boolean;
}

/** Which setting goes along an axis, and its values. */
export function AxisField({ title, axis, choices, settings, models, isNeeded, onChange }: AxisFieldProps) {
  const choice = choices.find(({ setting }) => setting === axis?.setting);
  const pick = (setting: string) => {
    const picked = choices.find((one) => one.setting === setting);
    onChange(picked ? { setting, values: firstValues(picked, settings, models) } : null);
  };
  return (
    <fieldset className="axis">
      <legend>{title}</legend>
      <select
        aria-label={`${title}: setting`}
        value={axis?.setting ?? ''}
        onChange={({ target }) => pick(target.value)}
      >
        {!isNeeded && <option value="">Nothing</option>}
        {choices.map(({ setting, title: name }) => (
          <option key={setting} value={setting}>
            {name}
          </option>
        ))}
      </select>
      {axis && choice && (
        <Values
          key={axis.setting}
          title={`${title}: values`}
          axis={axis}
          choice={choice}
          offered={offeredFor(choice, settings, models)}
          onChange={(values) => onChange({ ...axis, values })}
        />
      )}
    </fieldset>
  );
}

interface Offered {
  readonly value: string;
  readonly name: string;
}

/** More than these are typed. */
const MOST_OFFERED = 24;

/** Values to choose from; null where they are typed. */
function offeredFor(
  { setting, field }: Choice,
  settings: Settings,
  models: readonly Model[],
): readonly Offered[] | null {
  const model = models.find(({ name }) => name === settings.model)!;
  if (setting === 'model') {
    return models.filter((one) => areComparable(one, model)).map(({ name }) => ({ value: name, name }));
  }
  if (setting === 'label' && model.classes.length <= MOST_OFFERED) {
    return [...model.classes.map(({ label }) => label), -1].map((label) => ({
      value: label === -1 ? 'none' : wordOf(label, model.classes),
      name: titleOf(label, model.classes),
    }));
  }
  if (field?.kind === 'choice') return field.choices.map((one) => ({ value: String(one), name: String(one) }));
  if (field?.kind === 'check') return ['false', 'true'].map((value) => ({ value, name: value }));
  return null;
}

interface ValuesProps {
  readonly title: string;
  readonly axis: Axis;
  readonly choice: Choice;
  readonly offered: readonly Offered[] | null;
  onChange(values: readonly string[]): void;
}

function Values({ title, axis, choice, offered, onChange }: ValuesProps) {
  if (offered === null) return <TypedValues {...{ title, axis, choice, onChange }} />;
  const toggle = (value: string, isWanted: boolean) => {
    const values = offered
      .map((one) => one.value)
      .filter((one) => (one === value ? isWanted : axis.values.includes(one)));
    if (values.length > 0) onChange(values);
  };
  return (
    <div className="axis-values" role="group" aria-label={title}>
      {offered.map(({ value, name }) => (
        <label key={value} className="check">
          <input
            type="checkbox"
            checked={axis.values.includes(value)}
            onChange={({ target }) => toggle(value, target.checked)}
          />
          {name}
        </label>
      ))}
    </div>
  );
}

/** Taken when the field is left, or with Enter: each value is checked when the pictures are made. */
function TypedValues({ title, axis, choice, onChange }: Omit<ValuesProps, 'offered'>) {
  const id = useId();
  const [text, setText] = useState(axis.values.join(', '));
  useEffect(() => setText(axis.values.join(', ')), [axis.values]);
  const commit = () => {
    const values = [...new Set(text.split(',').map((one) => one.trim()))].filter(Boolean);
    if (values.length > 0) onChange(values);
    else setText(axis.values.join(', '));
  };
  const bounds = choice.field ? `: ${boundsOf(choice.field)}` : '';
  return (
    <div className="axis-typed">
      <input
        type="text"
        aria-label={title}
        aria-describedby={`${id}-hint`}
        value={text}
        spellCheck={false}
        onChange={({ target }) => setText(target.value)}
        onBlur={commit}
        onKeyDown={(event) => {
          if (event.key !== 'Enter') return;
          event.preventDefault();
          commit();
        }}
      />
      <p className="hint" id={`${id}-hint`}>
        Values with commas between{bounds}
      </p>
    </div>
  );
}
