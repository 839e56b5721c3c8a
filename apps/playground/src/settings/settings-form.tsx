import type { FormEvent } from 'react';
import type { Model } from '../api/operations.ts';
import { ClassPicker } from './classes.tsx';
import { NumberField } from './fields.tsx';
import { ModelFields } from './options.tsx';
import { areComparable, MOST_IMAGES, MOST_SEED, ownSettings, pickModel, rollSeed, type Settings } from './settings.ts';

interface SettingsFormProps {
  readonly models: readonly Model[];
  readonly settings: Settings;
  readonly busy: boolean;
  /** A sentence about the class that the address named, until another one is picked. */
  readonly refused: string | null;
  onChange(settings: Settings): void;
  onGenerate(): void;
  onCancel(): void;
}

export function SettingsForm({ models, settings, busy, refused, onChange, onGenerate, onCancel }: SettingsFormProps) {
  const chosen = settings.models.map((name) => models.find((model) => model.name === name)!);
  const set = (part: Partial<Settings>) => onChange({ ...settings, ...part });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!busy) onGenerate();
  };
  return (
    <form className="settings" onSubmit={submit} aria-label="What to generate">
      <ModelPicker
        models={models}
        chosen={chosen}
        onPick={(model) => onChange(pickModel(settings, model, models))}
        onCompare={(others) => set({ models: [chosen[0]!.name, ...others] })}
      />
      <ClassPicker model={chosen[0]!} label={settings.label} refused={refused} onPick={(label) => set({ label })} />
      <CountAndSeed settings={settings} classes={chosen[0]!.classes.length} set={set} />
      {chosen.map((model) => (
        <ModelFields
          key={model.name}
          model={model}
          own={ownSettings(settings, model)}
          titled={chosen.length > 1}
          onChange={(own) => set({ own: { ...settings.own, [model.name]: own } })}
        />
      ))}
      <div className="actions">
        <button type="submit" className="primary" disabled={busy}>
          Generate
        </button>
        <button type="button" disabled={!busy} onClick={onCancel}>
          Cancel
        </button>
      </div>
    </form>
  );
}

interface CountProps {
  readonly settings: Settings;
  readonly classes: number;
  set(part: Partial<Settings>): void;
}

function CountAndSeed({ settings: { label, count, seed }, classes, set }: CountProps) {
  return (
    <div className="pair">
      <NumberField
        name="Images"
        value={label === 'each' ? Math.min(classes, MOST_IMAGES) : count}
        range={{ min: 1, max: MOST_IMAGES, step: 1 }}
        disabled={label === 'each'}
        onChange={(typed) => set({ count: typed })}
      />
      <div className="seed">
        <NumberField
          name="Seed"
          value={seed}
          range={{ min: 0, max: MOST_SEED, step: 1 }}
          onChange={(typed) => set({ seed: typed })}
        />
        <button type="button" className="dice" title="Roll a seed" onClick={() => set({ seed: rollSeed() })}>
          <span aria-hidden="true">⚄</span>
          <span className="unseen">Roll a seed</span>
        </button>
      </div>
    </div>
  );
}

interface ModelPickerProps {
  readonly models: readonly Model[];
  /** The model of the form, then those compared with it. */
  readonly chosen: readonly Model[];
  onPick(model: Model): void;
  onCompare(names: readonly string[]): void;
}

/** Which model, and, where others know the same classes, which of them beside it. */
export function ModelPicker({ models, chosen, onPick, onCompare }: ModelPickerProps) {
  const model = chosen[0]!;
  const { height, width } = model.image;
  const others = models.filter((one) => one !== model && areComparable(one, model));
  const toggle = (name: string, wanted: boolean) =>
    onCompare(others.filter((one) => (one.name === name ? wanted : chosen.includes(one))).map((one) => one.name));
  return (
    <>
      <div className="field">
        <label htmlFor="model">Model</label>
        <select
          id="model"
          value={model.name}
          onChange={({ target }) => onPick(models.find(({ name }) => name === target.value)!)}
        >
          {models.map(({ name, title }) => (
            <option key={name} value={name}>
              {title}
            </option>
          ))}
        </select>
        <p className="hint">
          {shortCount(model.parameters)} parameters · {model.tokens} tokens ·{' '}
          {`${width} × ${height} px`.replaceAll(' ', '\u00a0')}
        </p>
      </div>
      {others.length > 0 && (
        <fieldset className="compare">
          <legend>Compare with</legend>
          {others.map((other) => (
            <label key={other.name} className="check">
              <input
                type="checkbox"
                checked={chosen.includes(other)}
                onChange={({ target }) => toggle(other.name, target.checked)}
              />
              {other.title}
            </label>
          ))}
        </fieldset>
      )}
    </>
  );
}

function shortCount(count: number): string {
  return new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 }).format(count);
}
