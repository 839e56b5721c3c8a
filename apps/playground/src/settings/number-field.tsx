import { useEffect, useId, useState } from 'react';
import { Hint } from './hint.tsx';

interface Props {
  readonly name: string;
  readonly value: number | undefined;
  readonly range: { readonly min?: number; readonly max?: number; readonly step: number | 'any' };
  readonly hint?: string | undefined;
  readonly disabled?: boolean;
  readonly required?: boolean;
  onChange(value: number): void;
}

/** A number to type. While it is out of range the form says so and keeps the last good one. */
export function NumberField({ name, value, range, hint, disabled, required = true, onChange }: Props) {
  const id = useId();
  const [text, setText] = useState(String(value ?? ''));
  useEffect(() => setText(String(value ?? '')), [value]);
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
        required={required}
        inputMode="decimal"
        {...range}
        value={text}
        disabled={disabled}
        aria-describedby={hint && `${id}-hint`}
        onChange={({ target }) => change(target.value, target.validity.valid)}
      />
      <Hint id={id} text={hint} />
    </div>
  );
}
