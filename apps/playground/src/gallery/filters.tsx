import type { GenerationState } from '@tessera/client';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import type { Model } from '../api/operations.ts';
import { stateNames, states, type Filter } from './filter.ts';

interface FiltersProps {
  readonly filter: Filter;
  readonly models: readonly Model[];
  onChange(filter: Filter): void;
  /** Stands behind them. */
  readonly children: ReactNode;
}

export function Filters({ filter, models, onChange, children }: FiltersProps) {
  const set = (part: Partial<Filter>) => onChange({ ...filter, ...part });
  // The address may name a model that the server has no more: its pictures are still there.
  const gone = filter.model !== null && models.every(({ name }) => name !== filter.model);
  return (
    <form className="gallery-filters" aria-label="Which pictures" onSubmit={(event) => event.preventDefault()}>
      <Words words={filter.words} onChange={(words) => set({ words })} />
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
      {children}
    </form>
  );
}

/** Time without a letter after which they are searched for. */
const TYPING_MS = 400;

/** Searched for when the person stops typing, or presses Enter. */
function Words({ words, onChange }: { readonly words: string | null; onChange(words: string | null): void }) {
  const [text, setText] = useState(words ?? '');
  const sent = useRef(words);
  const send = () => onChange((sent.current = text.trim() || null));
  useEffect(() => {
    // A link has brought others; what was sent from here is being typed on.
    if (words !== sent.current) setText((sent.current = words) ?? '');
  }, [words]);
  useEffect(() => {
    if ((text.trim() || null) === sent.current) return;
    const timer = setTimeout(send, TYPING_MS);
    return () => clearTimeout(timer);
  });
  return (
    <label>
      <span>Class</span>
      <input
        type="search"
        placeholder="Part of its name"
        maxLength={80}
        value={text}
        spellCheck={false}
        onChange={({ target }) => setText(target.value)}
        onKeyDown={({ key }) => key === 'Enter' && send()}
      />
    </label>
  );
}

function localDay(date: Date): string {
  const two = (part: number) => String(part).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
