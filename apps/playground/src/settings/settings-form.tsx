import type { FormEvent } from 'react';
import type { Model } from '../api/types.ts';
import { ClassPicker } from './class-picker.tsx';
import { ModelFields } from './model-fields.tsx';
import { ModelPicker } from './model-picker.tsx';
import { NumberField } from './number-field.tsx';
import { MOST_IMAGES, MOST_SEED, ownSettings, pickModel, rollSeed, type Settings } from './settings.ts';

interface Props {
  readonly models: readonly Model[];
  readonly settings: Settings;
  readonly busy: boolean;
  /** A sentence about the class that the address named, until another one is picked. */
  readonly refused: string | null;
  onChange(settings: Settings): void;
  onGenerate(): void;
  onCancel(): void;
}

export function SettingsForm({ models, settings, busy, refused, onChange, onGenerate, onCancel }: Props) {
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
