import type { Model } from '../api/operations.ts';
import { counted } from '../runs/sentences.ts';
import { titleOf } from '../settings/classes.tsx';
import { NumberField } from '../settings/fields.tsx';
import { InputFields, ModelFields } from '../settings/option-fields.tsx';
import { MOST_SEED, newSeed, ownSettings, pickModel, type Settings } from '../settings/settings.ts';
import { AxisField } from './axis-field.tsx';
import { choicesOf, firstAxis, modelsOf, type Comparison } from './comparison.ts';

interface CompareFormProps {
  readonly comparison: Comparison;
  readonly models: readonly Model[];
  /** Of pictures. */
  readonly count: number;
  readonly isRunning: boolean;
  onChange(comparison: Comparison): void;
  onStart(): void;
  onStop(): void;
}

/** The picture that is compared, and what goes across and down. */
export function CompareForm(props: CompareFormProps) {
  const { comparison, models, count, isRunning, onChange, onStart, onStop } = props;
  const { settings, x, y } = comparison;
  const set = (part: Partial<Comparison>) => onChange({ ...comparison, ...part });
  const choices = choicesOf(modelsOf(comparison, models));
  const axis = { choices, settings, models };
  return (
    <form
      className="compare-form"
      aria-label="What to compare"
      onSubmit={(event) => {
        event.preventDefault();
        if (!isRunning && count > 0) onStart();
      }}
    >
      <Subject
        settings={settings}
        models={models}
        without={[x.setting, y?.setting]}
        onChange={(to) => onChange(to.model === settings.model ? { ...comparison, settings: to } : ofModel(to, models))}
      />
      <AxisField title="Across" axis={x} isNeeded {...axis} onChange={(to) => to && set({ x: to })} />
      <AxisField
        title="Down"
        axis={y}
        isNeeded={false}
        {...axis}
        choices={choices.filter(({ setting }) => setting !== x.setting)}
        onChange={(to) => set({ y: to })}
      />
      {modelsOf(comparison, models).map((model) => (
        <OwnFields
          key={model.name}
          model={model}
          settings={settings}
          along={[x.setting, y?.setting]}
          onChange={(to) => set({ settings: to })}
        />
      ))}
      <div className="compare-go">
        <button type="submit" className="primary" aria-disabled={isRunning || count === 0}>
          {count === 0 ? 'Nothing to compare' : `Compare ${counted(count, 'picture')}`}
        </button>
        {isRunning && (
          <button type="button" onClick={onStop}>
            Stop
          </button>
        )}
      </div>
    </form>
  );
}

/** Another model has other settings: the comparison begins again with it. */
function ofModel(settings: Settings, models: readonly Model[]): Comparison {
  return { settings, x: firstAxis(settings, models), y: null };
}

interface OwnFieldsProps {
  readonly model: Model;
  readonly settings: Settings;
  /** What goes along an axis is not chosen here. */
  readonly along: readonly (string | undefined)[];
  onChange(settings: Settings): void;
}

/** Guidance and options of a model that is compared. */
function OwnFields({ model, settings, along, onChange }: OwnFieldsProps) {
  const own = ownSettings(settings, model);
  const properties = Object.entries((model.options['properties'] ?? {}) as Record<string, unknown>);
  const shown = properties.filter(([name]) => !along.includes(`options.${name}`));
  const hasGuidance = own.guidance !== null && !along.includes('guidance');
  if (shown.length === 0 && !hasGuidance) return null;
  return (
    <details className="compare-own">
      <summary>Settings of {model.name}</summary>
      <div role="group" aria-label={`Settings of ${model.name}`}>
        <ModelFields
          model={{ guidanceOff: model.guidanceOff, options: { properties: Object.fromEntries(shown) } }}
          own={hasGuidance ? own : { ...own, guidance: null }}
          problems={{}}
          onChange={({ guidance, options }) => {
            const changed = { ...own, guidance: hasGuidance ? guidance : own.guidance, options };
            onChange({ ...settings, own: { ...settings.own, [model.name]: changed } });
          }}
        />
      </div>
    </details>
  );
}

interface SubjectProps {
  readonly settings: Settings;
  readonly models: readonly Model[];
  /** What goes along an axis is not chosen here. */
  readonly without: readonly (string | undefined)[];
  onChange(settings: Settings): void;
}

function Subject({ settings, models, without, onChange }: SubjectProps) {
  const model = models.find(({ name }) => name === settings.model)!;
  return (
    <fieldset className="compare-subject">
      <legend>The picture</legend>
      {!without.includes('model') && (
        <label>
          <span>Model</span>
          <select
            value={settings.model}
            onChange={({ target }) =>
              onChange(
                pickModel(
                  settings,
                  models.find(({ name }) => name === target.value)!,
                  models,
                ),
              )
            }
          >
            {models.map(({ name }) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
      )}
      {model.condition.classes === null && (
        <InputFields
          key={model.name}
          model={model}
          own={ownSettings(settings, model)}
          problems={{}}
          onChange={(own) => onChange({ ...settings, own: { ...settings.own, [model.name]: own } })}
        />
      )}
      {!without.includes('label') && model.condition.classes !== null && (
        <label>
          <span>Class</span>
          <select
            value={String(settings.label)}
            onChange={({ target }) => onChange({ ...settings, label: Number(target.value) })}
          >
            {[...model.classes.map(({ label }) => label), -1].map((label) => (
              <option key={label} value={label}>
                {titleOf(label, model.classes)}
              </option>
            ))}
          </select>
        </label>
      )}
      {!without.includes('seed') && (
        <div className="compare-seed">
          <NumberField
            name="Seed"
            value={settings.seed}
            range={{ min: 0, max: MOST_SEED, step: 1 }}
            onChange={(seed) => onChange({ ...settings, seed })}
          />
          <button type="button" title="New seed" onClick={() => onChange({ ...settings, seed: newSeed() })}>
            <span aria-hidden="true">⚄</span>
            <span className="unseen">New seed</span>
          </button>
        </div>
      )}
    </fieldset>
  );
}
