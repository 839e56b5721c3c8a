import { useId, useRef, type FormEvent } from 'react';
import type { Model } from '../api/operations.ts';
import { ErrorNote } from '../error-note.tsx';
import { titleOf } from '../settings/classes.tsx';
import { NumberField } from '../settings/fields.tsx';
import { ModelFields } from '../settings/option-fields.tsx';
import { ownSettings } from '../settings/settings.ts';
import { SizeField } from '../settings/size-field.tsx';
import type { Base } from './base.ts';
import type { EditSettings } from './request.ts';

interface PanelProps {
  readonly models: readonly Model[];
  readonly settings: EditSettings;
  readonly base: Base;
  /** Whether the browser keeps what is done. */
  readonly isKept: boolean;
  readonly isSending: boolean;
  readonly error: string | null;
  onSettings(settings: EditSettings): void;
  onGenerate(): void;
  onAnother(): void;
}

const MOST_VARIANTS = 16;
const MOST_SEED = Number.MAX_SAFE_INTEGER - MOST_VARIANTS;

/** By which model, what is to be there, and how many. */
export function Panel({ isSending, error, onGenerate, onAnother, isKept, ...fields }: PanelProps) {
  const { settings, onSettings } = fields;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onGenerate();
  };
  return (
    <form className="edit-panel" onSubmit={submit} aria-label="What to draw there">
      <ModelAndClass {...fields} />
      <Size {...fields} />
      <NumberField
        name="Variants"
        value={settings.count}
        range={{ min: 1, max: MOST_VARIANTS, step: 1 }}
        onChange={(count) => onSettings({ ...settings, count })}
      />
      <label className="check">
        <input
          type="checkbox"
          checked={settings.seed === null}
          onChange={({ target }) => onSettings({ ...settings, seed: target.checked ? null : 0 })}
        />
        New seed each time
      </label>
      {settings.seed !== null && (
        <NumberField
          name="Seed"
          value={settings.seed}
          range={{ min: 0, max: MOST_SEED, step: 1 }}
          onChange={(seed) => onSettings({ ...settings, seed })}
        />
      )}
      <How {...fields} />
      <div className="edit-go">
        {error && <ErrorNote message={error} />}
        <button type="submit" className="primary" aria-disabled={isSending} title="Ctrl Enter">
          {isSending ? 'Sending…' : 'Generate'}
        </button>
      </div>
      <button type="button" onClick={onAnother}>
        Another picture
      </button>
      {!isKept && <p className="hint">This browser keeps nothing for this page: a reload loses what is marked.</p>}
    </form>
  );
}

/** Guidance and options of the model. A field that keeps the form from being sent opens them. */
function How({ models, settings, onSettings }: FieldsProps) {
  const details = useRef<HTMLDetailsElement>(null);
  const model = models.find(({ name }) => name === settings.model)!;
  return (
    <details ref={details} className="group" onInvalidCapture={() => void (details.current!.open = true)}>
      <summary>
        How <span className="hint">The model’s own values are good to begin with.</span>
      </summary>
      <ModelFields
        key={model.name}
        model={model}
        own={ownSettings(settings, model)}
        problems={noProblems}
        onChange={(own) => onSettings({ ...settings, own: { ...settings.own, [model.name]: own } })}
      />
    </details>
  );
}

/** What the server refuses of a request is told at its variants. */
const noProblems = {};

type FieldsProps = Pick<PanelProps, 'models' | 'settings' | 'onSettings'>;

/** Of the whole picture: its edges lie elsewhere then. */
function Size({ models, settings, onSettings }: FieldsProps) {
  const model = models.find(({ name }) => name === settings.model)!;
  const own = ownSettings(settings, model);
  const pick = (size: string) => onSettings({ ...settings, own: { ...settings.own, [model.name]: { ...own, size } } });
  return <SizeField model={model} size={own.size} problem={undefined} onPick={pick} />;
}

function ModelAndClass({ models, settings, onSettings }: FieldsProps) {
  const [modelId, classId] = [useId(), useId()];
  const model = models.find(({ name }) => name === settings.model)!;
  const pick = (name: string) => {
    const { classes } = models.find((one) => one.name === name)!;
    // A class by the same number is another thing where the names differ.
    const isSame = classes[settings.label]?.name === model.classes[settings.label]?.name;
    onSettings({ ...settings, model: name, label: isSame ? settings.label : -1 });
  };
  return (
    <>
      <div className="field">
        <label htmlFor={modelId}>Model</label>
        <select id={modelId} value={model.name} onChange={({ target }) => pick(target.value)}>
          {models.map(({ name, title }) => (
            <option key={name} value={name}>
              {title}
            </option>
          ))}
        </select>
      </div>
      <div className="field">
        <label htmlFor={classId}>The new part shows</label>
        <select
          id={classId}
          value={settings.label}
          onChange={({ target }) => onSettings({ ...settings, label: Number(target.value) })}
        >
          <option value={-1}>whatever fits</option>
          {model.classes.map(({ label }) => (
            <option key={label} value={label}>
              {titleOf(label, model.classes)}
            </option>
          ))}
        </select>
      </div>
    </>
  );
}
