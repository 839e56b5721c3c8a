import type { GenerationFilter, GenerationState } from '@tessera/client';

/* Which generations the gallery shows; it stands in the address. */

export const states = ['COMPLETED', 'RUNNING', 'QUEUED', 'FAILED', 'CANCELED'] as const satisfies GenerationState[];

export const stateNames: Readonly<Record<GenerationState, string>> = {
  COMPLETED: 'Finished',
  RUNNING: 'Running',
  QUEUED: 'Waiting',
  FAILED: 'Failed',
  CANCELED: 'Canceled',
};

export interface Filter {
  /** Null is any. */
  readonly model: string | null;
  readonly state: GenerationState | null;
  /** The list begins with this day, `2026-11-23`, and goes back from there; null is now. */
  readonly day: string | null;
  readonly favourites: boolean;
}

export const everything: Filter = { model: null, state: null, day: null, favourites: false };

interface ReadFilter {
  readonly filter: Filter;
  /** A sentence for each part of the address that was not understood. */
  readonly refused: readonly string[];
}

/** A model that the server has no more may still have made pictures. */
export function readFilter(search: string): ReadFilter {
  const asked = new URLSearchParams(search);
  const refused: string[] = [];
  const read = <T>(name: string, understood: (text: string) => T | undefined): T | null => {
    const text = asked.get(name);
    if (text === null) return null;
    const value = understood(text);
    if (value !== undefined) return value;
    refused.push(
      `The address asks for ${name} “${text.slice(0, 80)}”, which is none: ${expected[name]}. It is left out.`,
    );
    return null;
  };
  const filter = {
    model: read('model', (text) => text || undefined),
    state: read('state', (text) => states.find((state) => state === text.toUpperCase())),
    day: read('day', (text) => (isDay(text) ? text : undefined)),
    favourites: read('favourites', (text) => (text === '1' ? true : undefined)) ?? false,
  };
  for (const name of new Set(asked.keys())) {
    if (!(name in expected))
      refused.push(`The address asks for “${name}”, which the gallery does not know. It is left out.`);
  }
  return { filter, refused };
}

const expected: Readonly<Record<string, string>> = {
  model: 'expected the name of a model',
  state: `expected ${states.join(', ').toLowerCase()}`,
  day: 'expected a day as 2026-11-23',
  favourites: 'expected 1',
};

/** The path of the gallery with this filter. */
export function filterAddress({ model, state, day, favourites }: Filter): string {
  const entries = [
    ...(model === null ? [] : [['model', model]]),
    ...(state === null ? [] : [['state', state.toLowerCase()]]),
    ...(day === null ? [] : [['day', day]]),
    ...(favourites ? [['favourites', '1']] : []),
  ];
  return entries.length === 0 ? '/gallery' : `/gallery?${new URLSearchParams(entries)}`;
}

/** As the API has it. Favourites are the browser's own, and asked for by their ids. */
export function asked({ model, state, day }: Filter): GenerationFilter {
  return {
    ...(model !== null && { models: [model] }),
    ...(state !== null && { states: [state] }),
    ...(day !== null && { createdBefore: endOf(day).toISOString() }),
  };
}

/** Whether one that was found by its id belongs there too. */
export function admits(
  { model, state, day }: Filter,
  one: { readonly modelName: string; readonly state: GenerationState; readonly createdAt: string },
): boolean {
  const isOfDay = day === null || new Date(one.createdAt) < endOf(day);
  return isOfDay && (model ?? one.modelName) === one.modelName && (state ?? one.state) === one.state;
}

function isDay(text: string): boolean {
  const date = new Date(`${text}T12:00:00`);
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(date.getTime()) && date.getDate() === Number(text.slice(8));
}

/** Midnight where the person is. */
function endOf(day: string): Date {
  const date = new Date(`${day}T00:00:00`);
  date.setDate(date.getDate() + 1);
  return date;
}
