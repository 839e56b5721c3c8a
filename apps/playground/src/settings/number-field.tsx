import { useEffect, useId, useState } from 'react';

interface Range {
  readonly min: number;
  readonly max: number;
  readonly step: number;
}

interface Props {
  readonly name: string;
  readonly value: number;
  readonly range: Range;
  readonly hint?: string;
  readonly disabled?: boolean;
  onChange(value: number): void;
}

/** A number to type. While it is out of range the form says so and keeps the last good one. */
export function NumberField({ name, value, range, hint, disabled, onChange }: Props) {
  const id = useId();
  const [text, setText] = useState(String(value));
  useEffect(() => setText(String(value)), [value]);
  const change = (typed: string, valid: boolean) => {
    setText(typed);
    if (valid && typed !== '') onChange(Number(typed));
  };
  return (
    <div className="field">
      <label htmlFor={id}>{name}</label>
      <input
        id={id}
        type="number"
        required
        inputMode="decimal"
        {...range}
        value={text}
        disabled={disabled}
        aria-describedby={hint && `${id}-hint`}
        onChange={({ target }) => change(target.value, target.validity.valid)}
      />
      {hint && (
        <p className="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

/** A number to slide, shown beside its name. */
export function RangeField({ name, value, range, hint, onChange }: Props) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id} className="spread">
        {name} <output htmlFor={id}>{value}</output>
      </label>
      <input
        id={id}
        type="range"
        {...range}
        value={value}
        aria-describedby={hint && `${id}-hint`}
        onChange={({ target }) => onChange(Number(target.value))}
      />
      {hint && (
        <p className="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}
