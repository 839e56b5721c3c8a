import { useId } from 'react';
import type { OptionValue } from '../api/types.ts';
import { Hint } from './hint.tsx';
import { NumberField } from './number-field.tsx';
import { readOption, type OptionField } from './option-fields.ts';

interface Props {
  readonly field: OptionField;
  readonly value: OptionValue | undefined;
  onChange(value: OptionValue): void;
}

/** The input that suits an option. */
export function OptionInput({ field, value, onChange }: Props) {
  const { label, help, fallback } = field;
  switch (field.kind) {
    case 'number': {
      const { min, above, max, whole } = field;
      const range = {
        ...(min !== undefined && { min }),
        ...(above !== undefined && { above }),
        ...(max !== undefined && { max }),
      };
      return (
        <NumberField
          name={label}
          value={typeof value === 'number' ? value : undefined}
          range={{ ...range, step: whole ? 1 : 'any' }}
          hint={help}
          required={fallback !== undefined}
          onChange={onChange}
        />
      );
    }
    case 'choice':
    case 'text':
      return <TextInput field={field} value={value} onChange={onChange} />;
    case 'check':
      return <CheckInput field={field} value={value} onChange={onChange} />;
  }
}

function TextInput({ field, value, onChange }: Props) {
  const id = useId();
  const common = { id, value: String(value ?? ''), 'aria-describedby': field.help && `${id}-hint` };
  const change = (text: string) => {
    const read = readOption(field, text);
    if (read !== undefined) onChange(read);
  };
  return (
    <div className="field">
      <label htmlFor={id}>{field.label}</label>
      {field.kind === 'choice' ? (
        <select {...common} onChange={({ target }) => change(target.value)}>
          {value === undefined && <option value="">(the model’s own)</option>}
          {field.choices.map((choice) => (
            <option key={choice} value={choice}>
              {choice}
            </option>
          ))}
        </select>
      ) : (
        <input type="text" spellCheck={false} {...common} onChange={({ target }) => change(target.value)} />
      )}
      <Hint id={id} text={field.help} />
    </div>
  );
}

function CheckInput({ field, value, onChange }: Props) {
  const id = useId();
  return (
    <div className="field">
      <label className="check" htmlFor={id}>
        <input
          id={id}
          type="checkbox"
          checked={value === true}
          aria-describedby={field.help && `${id}-hint`}
          onChange={({ target }) => onChange(target.checked)}
        />
        {field.label}
      </label>
      <Hint id={id} text={field.help} />
    </div>
  );
}
