import type { FormEvent } from 'react';
import type { Model } from '../api/types.ts';
import { AdvancedFields } from './advanced-fields.tsx';
import { ClassPicker } from './class-picker.tsx';
import { NumberField, RangeField } from './number-field.tsx';
import { defaultSettings, MOST_IMAGES, rollSeed, type Settings } from './settings.ts';

interface Props {
  readonly models: readonly Model[];
  readonly settings: Settings;
  readonly busy: boolean;
  onChange(settings: Settings): void;
  onGenerate(): void;
  onCancel(): void;
}

export function SettingsForm({ models, settings, busy, onChange, onGenerate, onCancel }: Props) {
  const model = models.find(({ name }) => name === settings.model)!;
  const set = (part: Partial<Settings>) => onChange({ ...settings, ...part });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!busy) onGenerate();
  };
  return (
    <form className="settings" onSubmit={submit} aria-label="What to generate">
      <ModelPicker models={models} model={model} onPick={(picked) => onChange(defaultSettings(picked))} />
      <ClassPicker model={model} label={settings.label} onPick={(label) => set({ label })} />
      <div className="pair">
        <NumberField
          name="Images"
          value={settings.label === 'each' ? Math.min(model.classes.length, MOST_IMAGES) : settings.count}
          range={{ min: 1, max: MOST_IMAGES, step: 1 }}
          disabled={settings.label === 'each'}
          onChange={(count) => set({ count })}
        />
        <div className="seed">
          <NumberField
            name="Seed"
            value={settings.seed}
            range={{ min: 0, max: Number.MAX_SAFE_INTEGER - MOST_IMAGES, step: 1 }}
            onChange={(seed) => set({ seed })}
          />
          <button type="button" className="dice" title="Roll a seed" onClick={() => set({ seed: rollSeed() })}>
            <span aria-hidden="true">⚄</span>
            <span className="unseen">Roll a seed</span>
          </button>
        </div>
      </div>
      <RangeField
        name="Guidance"
        hint="How strongly the class pulls"
        value={settings.guidance}
        range={{ min: 0, max: Math.max(10, settings.guidance), step: 0.1 }}
        onChange={(guidance) => set({ guidance })}
      />
      <AdvancedFields settings={settings} model={model} set={set} />
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

interface PickerProps {
  readonly models: readonly Model[];
  readonly model: Model;
  onPick(model: Model): void;
}

function ModelPicker({ models, model, onPick }: PickerProps) {
  const { height, width } = model.image;
  return (
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
        {shortCount(model.parameters)} parameters · {width} × {height} pixels
      </p>
    </div>
  );
}

function shortCount(count: number): string {
  return new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 }).format(count);
}
