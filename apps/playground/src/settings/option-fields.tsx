import { useId, type ReactNode } from 'react';
import type { Model } from '../api/operations.ts';
import { FormulaDetails } from './formula.tsx';
import { formulaOf } from './formulas.tsx';
import { described, Hint, NumberField, RangeField } from './fields.tsx';
import {
  countsWith,
  optionFields,
  readable,
  readOption,
  type OptionField,
  type OptionValue,
  type OwnSettings,
} from './options.tsx';
import { PictureField } from './picture-field.tsx';
import { guidanceCaution, inputFields, usualGuidance } from './settings.ts';

/** Of a part alone, which is no model, no formula is known. */
type Chosen = Pick<Model, 'options' | 'guidanceOff'> & Partial<Pick<Model, 'parts' | 'defaults'>>;

interface ModelFieldsProps {
  readonly model: Chosen;
  readonly own: OwnSettings;
  /** What the server says is wrong, by name of the field. */
  readonly problems: Readonly<Record<string, string>>;
  onChange(own: OwnSettings): void;
}

/** Guidance and options of one model. */
export function ModelFields({ model, own, problems, onChange }: ModelFieldsProps) {
  const fields = optionFields(model.options).filter((field) => countsWith(field, own.options));
  return (
    <>
      {own.guidance !== null && (
        <Explained name="guidance" title="Guidance" model={model}>
          <RangeField
            name="Guidance"
            hint={`Higher shows the class more clearly, but images grow more alike; ${model.guidanceOff} is off.`}
            value={own.guidance}
            range={{ min: 0, max: Math.max(usualGuidance(model), own.guidance), step: 0.1 }}
            caution={guidanceCaution(own.guidance, model) ?? undefined}
            problem={problems['guidance']}
            onChange={(guidance) => onChange({ ...own, guidance })}
          />
        </Explained>
      )}
      {fields.map((field) => (
        <Explained key={field.name} name={field.name} title={field.label} model={model}>
          <OptionInput
            field={field}
            value={own.options[field.name]}
            problem={problems[field.name]}
            onChange={(value) => onChange({ ...own, options: { ...own.options, [field.name]: value } })}
          />
        </Explained>
      ))}
    </>
  );
}

interface InputFieldsProps extends Omit<ModelFieldsProps, 'model'> {
  readonly model: Model;
}

/** What images are to show, of a model without classes: fields that its condition describes. */
export function InputFields({ model, own, problems, onChange }: InputFieldsProps) {
  const { input = {} } = own;
  return inputFields(model).map((field) => (
    <OptionInput
      key={field.name}
      field={field}
      value={input[field.name]}
      problem={problems[field.name]}
      onChange={(value) => onChange({ ...own, input: { ...input, [field.name]: value } })}
    />
  ));
}

interface ExplainedProps {
  readonly name: string;
  readonly title: string;
  readonly model: Chosen;
  readonly children: ReactNode;
}

/** A setting, and its formula on demand where one is known. */
function Explained({ name, title, model: { parts, defaults }, children }: ExplainedProps) {
  const formula = parts && defaults ? formulaOf(name, { parts, defaults }) : null;
  return (
    <div className="option">
      {children}
      {formula && <FormulaDetails name={title} formula={formula} />}
    </div>
  );
}

interface OptionInputProps {
  readonly field: OptionField;
  readonly value: OptionValue | undefined;
  /** What the server says is wrong with it. */
  readonly problem: string | undefined;
  onChange(value: OptionValue): void;
}

/** The input that suits an option. */
function OptionInput(props: OptionInputProps) {
  const { field, value, problem, onChange } = props;
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
          problem={problem}
          required={fallback !== undefined}
          onChange={onChange}
        />
      );
    }
    case 'choice':
    case 'text':
      return <TextInput {...props} />;
    case 'picture': {
      const { size } = field;
      const given = { size, value: String(value ?? ''), hint: help, problem, onChange };
      return <PictureField name={label} {...given} />;
    }
    case 'check':
      return <CheckInput {...props} />;
  }
}

/** What the kinds that every server has do; others say it by their own options. */
const guidances: Readonly<Record<string, string>> = {
  constant: 'the same at every step',
  linear: 'grows with the tokens that are known',
  ramp: 'grows from step to step',
};

function guidanceTitle(name: string): string {
  const does = guidances[name];
  return does ? `${readable(name)}: ${does}` : readable(name);
}

function TextInput({ field, value, problem, onChange }: OptionInputProps) {
  const id = useId();
  const common = { id, value: String(value ?? ''), ...described(id, { hint: field.help, problem }) };
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
              {field.name === 'guidanceBy' ? guidanceTitle(String(choice)) : choice}
            </option>
          ))}
        </select>
      ) : (
        <input type="text" spellCheck={false} {...common} onChange={({ target }) => change(target.value)} />
      )}
      <Hint id={id} text={field.help} problem={problem} />
    </div>
  );
}

function CheckInput({ field, value, problem, onChange }: OptionInputProps) {
  const id = useId();
  return (
    <div className="field">
      <label className="check" htmlFor={id}>
        <input
          id={id}
          type="checkbox"
          checked={value === true}
          {...described(id, { hint: field.help, problem })}
          onChange={({ target }) => onChange(target.checked)}
        />
        {field.label}
      </label>
      <Hint id={id} text={field.help} problem={problem} />
    </div>
  );
}
