import { useEffect, useRef, type FormEvent } from 'react';
import type { Model } from '../api/operations.ts';
import { ClassPicker } from './classes.tsx';
import { NumberField } from './fields.tsx';
import { ModelPicker } from './model-picker.tsx';
import { ModelFields } from './option-fields.tsx';
import { MOST_IMAGES, MOST_SEED, ownSettings, pickModel, type Settings } from './settings.ts';

interface SettingsFormProps {
  readonly models: readonly Model[];
  readonly settings: Settings;
  /** Something runs or waits that can be stopped. */
  readonly canStop: boolean;
  /** What the server says is wrong, by name of the field. */
  readonly problems: Readonly<Record<string, string>>;
  onChange(settings: Settings): void;
  onGenerate(): void;
  onStop(): void;
}

/** What, how many, and how: everything that makes an image. */
export function SettingsForm(props: SettingsFormProps) {
  const { models, settings, canStop, problems, onChange, onGenerate, onStop } = props;
  const model = models.find(({ name }) => name === settings.model)!;
  const how = useRef<HTMLDetailsElement>(null);
  const set = (part: Partial<Settings>) => onChange({ ...settings, ...part });
  // A field that keeps the form from being sent, or that the server refused, must be in sight.
  const openHow = () => void (how.current!.open = true);
  useEffect(() => {
    if (Object.keys(problems).length > 0) openHow();
  }, [problems]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onGenerate();
  };
  return (
    <form className="settings" onSubmit={submit} aria-label="What to generate">
      <fieldset className="group">
        <legend>What</legend>
        <ModelPicker models={models} model={model} onPick={(one) => onChange(pickModel(settings, one, models))} />
        <ClassPicker key={model.name} model={model} label={settings.label} onPick={(label) => set({ label })} />
      </fieldset>
      <HowMany settings={settings} classes={model.classes.length} problems={problems} set={set} />
      <details ref={how} className="group" onInvalidCapture={openHow}>
        <summary>
          How <span className="hint">The model’s own values are good to begin with.</span>
        </summary>
        <ModelFields
          key={model.name}
          model={model}
          own={ownSettings(settings, model)}
          problems={problems}
          onChange={(own) => set({ own: { ...settings.own, [model.name]: own } })}
        />
      </details>
      <div className="actions">
        <button type="submit" className="primary">
          Generate
        </button>
        {/* It stays where it is while nothing runs, so that the focus does. */}
        <button type="button" aria-disabled={!canStop} onClick={() => canStop && onStop()}>
          Stop
        </button>
      </div>
    </form>
  );
}

interface HowManyProps {
  readonly settings: Settings;
  readonly classes: number;
  readonly problems: Readonly<Record<string, string>>;
  set(part: Partial<Settings>): void;
}

function HowMany({ settings: { label, count, seed, isLocked }, classes, problems, set }: HowManyProps) {
  return (
    <fieldset className="group">
      <legend>How many</legend>
      <div className="pair">
        <NumberField
          name="Images"
          value={label === 'each' ? Math.min(classes, MOST_IMAGES) : count}
          range={{ min: 1, max: MOST_IMAGES, step: 1 }}
          disabled={label === 'each'}
          problem={problems['images'] ?? problems['count']}
          onChange={(typed) => set({ count: typed })}
        />
        <NumberField
          name="Seed"
          value={seed}
          range={{ min: 0, max: MOST_SEED, step: 1 }}
          problem={problems['seed']}
          onChange={(typed) => set({ seed: typed, isLocked: true })}
        />
      </div>
      <label className="check">
        <input type="checkbox" checked={!isLocked} onChange={({ target }) => set({ isLocked: !target.checked })} />
        New seed each time
      </label>
      <p className="hint">One seed always makes the same images: keep it to see what a setting changes.</p>
    </fieldset>
  );
}
