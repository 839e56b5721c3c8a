import type { Model } from '../api/types.ts';
import { areComparable } from './settings.ts';

interface Props {
  readonly models: readonly Model[];
  /** The model of the form, then those compared with it. */
  readonly chosen: readonly Model[];
  onPick(model: Model): void;
  onCompare(names: readonly string[]): void;
}

/** Which model, and, where others know the same classes, which of them beside it. */
export function ModelPicker({ models, chosen, onPick, onCompare }: Props) {
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
