import { useEffect, useId, useRef, useState } from 'react';

interface HintProps {
  readonly id: string;
  readonly text: string | undefined;
  /** What the server says is wrong with the field. */
  readonly problem?: string | undefined;
}

/** The sentences under a field, which `described` names. */
export function Hint({ id, text, problem }: HintProps) {
  return (
    <>
      {problem && (
        <p className="problem" id={`${id}-problem`}>
          {problem}
        </p>
      )}
      {text && (
        <p className="hint" id={`${id}-hint`}>
          {text}
        </p>
      )}
    </>
  );
}

/** Attributes of a field that has the hints of `Hint`. */
export function described(id: string, { hint, problem }: { hint?: string | undefined; problem?: string | undefined }) {
  const ids = [...(problem ? [`${id}-problem`] : []), ...(hint ? [`${id}-hint`] : [])];
  return {
    ...(ids.length > 0 && { 'aria-describedby': ids.join(' ') }),
    ...(problem && { 'aria-invalid': true }),
  };
}

/** `above` is itself refused, `min` and `max` are not. */
export interface Bounds {
  readonly min?: number;
  readonly above?: number;
  readonly max?: number;
}

interface NumberFieldProps {
  readonly name: string;
  readonly value: number | undefined;
  readonly range: Bounds & { readonly step: number | 'any' };
  readonly hint?: string | undefined;
  readonly problem?: string | undefined;
  readonly disabled?: boolean;
  readonly required?: boolean;
  onChange(value: number): void;
}

/** A number to type. While it is out of range the form says so and keeps the last good one. */
export function NumberField(props: NumberFieldProps) {
  const { name, value, range, hint, problem, disabled, required = true, onChange } = props;
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const { above, min = above, max, step } = range;
  const [text, setText] = useState(String(value ?? ''));
  useEffect(() => setText(String(value ?? '')), [value]);
  // No attribute of an input says "above", so that its validity has to.
  const judge = (target: HTMLInputElement): boolean => {
    const tooLow = above !== undefined && target.value !== '' && Number(target.value) <= above;
    target.setCustomValidity(tooLow ? `Choose a number above ${above}.` : '');
    return target.validity.valid;
  };
  useEffect(() => void judge(input.current!));
  const change = (typed: string, valid: boolean) => {
    setText(typed);
    if (valid && typed !== '') onChange(Number(typed));
  };
  return (
    <div className="field">
      <label htmlFor={id}>{name}</label>
      <input
        ref={input}
        id={id}
        type="number"
        required={required}
        inputMode="decimal"
        {...{ min, max, step }}
        value={text}
        disabled={disabled}
        {...described(id, { hint, problem })}
        onChange={({ target }) => change(target.value, judge(target))}
      />
      <Hint id={id} text={hint} problem={problem} />
    </div>
  );
}

interface RangeFieldProps {
  readonly name: string;
  readonly value: number;
  readonly range: { readonly min: number; readonly max: number; readonly step: number };
  readonly hint: string;
  readonly problem?: string | undefined;
  /** What to know of this value, which is taken as it is. */
  readonly caution?: string | undefined;
  onChange(value: number): void;
}

/** A number to slide, shown beside its name. */
export function RangeField({ name, value, range, hint, problem, caution, onChange }: RangeFieldProps) {
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
        {...described(id, { hint, problem })}
        onChange={({ target }) => onChange(Number(target.value))}
      />
      {/* Read out when it comes. */}
      <p className="caution" role="status">
        {caution}
      </p>
      <Hint id={id} text={hint} problem={problem} />
    </div>
  );
}
