import { useId } from 'react';
import { Hint } from './hint.tsx';

interface Props {
  readonly name: string;
  readonly value: number;
  readonly range: { readonly min: number; readonly max: number; readonly step: number };
  readonly hint: string;
  onChange(value: number): void;
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
        aria-describedby={`${id}-hint`}
        onChange={({ target }) => onChange(Number(target.value))}
      />
      <Hint id={id} text={hint} />
    </div>
  );
}
