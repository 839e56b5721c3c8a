import type { GenerationState } from '@tessera/client';
import type { Model } from '../api/operations.ts';
import { stateNames, states, type Filter } from './filter.ts';

interface FiltersProps {
  readonly filter: Filter;
  readonly models: readonly Model[];
  onChange(filter: Filter): void;
}

export function Filters({ filter, models, onChange }: FiltersProps) {
  const set = (part: Partial<Filter>) => onChange({ ...filter, ...part });
  // The address may name a model that the server has no more: its pictures are still there.
  const gone = filter.model !== null && models.every(({ name }) => name !== filter.model);
  return (
    <form className="gallery-filters" aria-label="Which pictures" onSubmit={(event) => event.preventDefault()}>
      <label>
        <span>Model</span>
        <select value={filter.model ?? ''} onChange={({ target }) => set({ model: target.value || null })}>
          <option value="">Every model</option>
          {gone && <option value={filter.model!}>{filter.model} (not on this server)</option>}
          {models.map(({ name, title }) => (
            <option key={name} value={name}>
              {title}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>State</span>
        <select
          value={filter.state ?? ''}
          onChange={({ target }) => set({ state: (target.value || null) as GenerationState | null })}
        >
          <option value="">Any</option>
          {states.map((state) => (
            <option key={state} value={state}>
              {stateNames[state]}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>Go to day</span>
        <input
          type="date"
          value={filter.day ?? ''}
          max={localDay(new Date())}
          onChange={({ target }) => set({ day: target.value || null })}
        />
      </label>
      <label className="check">
        <input
          type="checkbox"
          checked={filter.favourites}
          onChange={({ target }) => set({ favourites: target.checked })}
        />
        Favourites
      </label>
    </form>
  );
}

function localDay(date: Date): string {
  const two = (part: number) => String(part).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
