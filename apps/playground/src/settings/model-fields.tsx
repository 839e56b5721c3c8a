import type { Model } from '../api/types.ts';
import { optionFields } from './option-fields.ts';
import { OptionInput } from './option-input.tsx';
import { RangeField } from './range-field.tsx';
import type { OwnSettings } from './settings.ts';

interface Props {
  readonly model: Model;
  readonly own: OwnSettings;
  /** Where several models are compared, each set of fields says whose it is. */
  readonly titled: boolean;
  onChange(own: OwnSettings): void;
}

/** Guidance and options of one model. */
export function ModelFields({ model, own, titled, onChange }: Props) {
  const fields = optionFields(model.options);
  return (
    <fieldset className="own">
      <legend className={titled ? '' : 'unseen'}>{model.title}</legend>
      {own.guidance !== null && (
        <RangeField
          name="Guidance"
          hint={`How strongly the class pulls; ${model.guidanceOff} is off`}
          value={own.guidance}
          range={{ min: 0, max: Math.max(10, own.guidance), step: 0.1 }}
          onChange={(guidance) => onChange({ ...own, guidance })}
        />
      )}
      {fields.length > 0 && (
        // A field that keeps the form from being sent must be in sight.
        <details onInvalidCapture={({ currentTarget }) => (currentTarget.open = true)}>
          <summary>Options</summary>
          {fields.map((field) => (
            <OptionInput
              key={field.name}
              field={field}
              value={own.options[field.name]}
              onChange={(value) => onChange({ ...own, options: { ...own.options, [field.name]: value } })}
            />
          ))}
        </details>
      )}
    </fieldset>
  );
}
