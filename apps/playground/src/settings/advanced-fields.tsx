import type { Model } from '../api/types.ts';
import { NumberField, RangeField } from './number-field.tsx';
import type { Settings } from './settings.ts';

interface Props {
  readonly settings: Settings;
  readonly model: Model;
  set(part: Partial<Settings>): void;
}

export function AdvancedFields({ settings, model, set }: Props) {
  return (
    <details>
      <summary>Advanced</summary>
      <NumberField
        name="Top-k"
        hint={`Sample among this many best of ${model.vocabulary ?? 0} tokens; 0 keeps all`}
        value={settings.topK}
        range={{ min: 0, max: model.vocabulary ?? 0, step: 1 }}
        onChange={(topK) => set({ topK })}
      />
      <RangeField
        name="Top-p"
        hint="Sample among the best tokens of this total probability; 0 keeps all"
        value={settings.topP}
        range={{ min: 0, max: 1, step: 0.01 }}
        onChange={(topP) => set({ topP })}
      />
      <label className="check">
        <input type="checkbox" checked={settings.smooth} onChange={({ target }) => set({ smooth: target.checked })} />
        Smooth: mix tokens in early scales
      </label>
    </details>
  );
}
