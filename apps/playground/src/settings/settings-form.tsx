import { lazy, Suspense, useEffect, useRef, useState, type FormEvent, type RefObject, type ReactNode } from 'react';
import type { Model } from '../api/operations.ts';
import { ErrorBoundary } from '../error-boundary.tsx';
import { ClassPicker } from './classes.tsx';
import { NumberField } from './fields.tsx';
import { ModelPicker } from './model-picker.tsx';
import { MOST_IMAGES, MOST_SEED, ownSettings, pickModel, type Settings } from './settings.ts';
import { SizeField } from './size-field.tsx';

/* Fetched when it is first looked into. */
const ModelFields = lazy(() => import('./option-fields.tsx').then(({ ModelFields }) => ({ default: ModelFields })));

const InputFields = lazy(() => import('./option-fields.tsx').then(({ InputFields }) => ({ default: InputFields })));

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
  // A field that the server refused must be in sight.
  useEffect(() => {
    if (Object.keys(problems).length > 0) how.current!.open = true;
  }, [problems]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onGenerate();
  };
  return (
    <form className="settings" onSubmit={submit} aria-label="What to generate">
      <fieldset className="group">
        <legend>
          What <span className="hint">The model, and what its images show.</span>
        </legend>
        <ModelPicker models={models} model={model} onPick={(one) => onChange(pickModel(settings, one, models))} />
        {model.condition.classes === null ? (
          <Fetched>
            <InputFields
              key={model.name}
              model={model}
              own={ownSettings(settings, model)}
              problems={problems}
              onChange={(own) => set({ own: { ...settings.own, [model.name]: own } })}
            />
          </Fetched>
        ) : (
          <ClassPicker key={model.name} model={model} label={settings.label} onPick={(label) => set({ label })} />
        )}
      </fieldset>
      <HowMany settings={settings} classes={model.classes.length} problems={problems} set={set}>
        <SizeField
          model={model}
          size={ownSettings(settings, model).size}
          problem={problems['size']}
          onPick={(size) => set({ own: { ...settings.own, [model.name]: { ...ownSettings(settings, model), size } } })}
        />
      </HowMany>
      <How details={how} {...{ settings, model, problems, set }} />
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

/** Fields whose script comes when they are first needed, if the server answers. */
function Fetched({ children }: { readonly children: ReactNode }) {
  return (
    <ErrorBoundary instead={<p className="hint">The settings could not be loaded: the server does not answer.</p>}>
      <Suspense fallback={<p className="hint">Loading…</p>}>{children}</Suspense>
    </ErrorBoundary>
  );
}

interface HowProps {
  readonly details: RefObject<HTMLDetailsElement | null>;
  readonly settings: Settings;
  readonly model: Model;
  readonly problems: Readonly<Record<string, string>>;
  set(part: Partial<Settings>): void;
}

/** Guidance and options. A field that keeps the form from being sent opens it. */
function How({ details, settings, model, problems, set }: HowProps) {
  const [wasOpened, setOpened] = useState(false);
  return (
    <details
      ref={details}
      className="group"
      onToggle={() => setOpened(true)}
      onInvalidCapture={() => void (details.current!.open = true)}
    >
      <summary>
        How <span className="hint">The model’s own values are good to begin with.</span>
      </summary>
      {wasOpened && (
        <Fetched>
          <ModelFields
            key={model.name}
            model={model}
            own={ownSettings(settings, model)}
            problems={problems}
            onChange={(own) => set({ own: { ...settings.own, [model.name]: own } })}
          />
        </Fetched>
      )}
    </details>
  );
}

interface HowManyProps {
  readonly settings: Settings;
  readonly classes: number;
  readonly problems: Readonly<Record<string, string>>;
  set(part: Partial<Settings>): void;
  readonly children: ReactNode;
}

function HowMany({ settings: { label, count, seed, isLocked }, classes, problems, set, children }: HowManyProps) {
  return (
    <fieldset className="group">
      <legend>
        How many <span className="hint">Image after image, each from a seed of its own.</span>
      </legend>
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
      {children}
    </fieldset>
  );
}
