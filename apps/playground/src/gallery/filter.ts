import type { GenerationFilter, GenerationState } from '@tessera/client';
import type { Model, StoredGeneration } from '../api/operations.ts';
import { labelOf } from '../api/label.ts';
import { NO_CLASS } from '../settings/classes.tsx';

/* Which generations the gallery shows; it stands in the address. */

export const states = ['COMPLETED', 'RUNNING', 'QUEUED', 'FAILED', 'CANCELED'] as const satisfies GenerationState[];

export const stateNames: Readonly<Record<GenerationState, string>> = {
  COMPLETED: 'Finished',
  RUNNING: 'Running',
  QUEUED: 'Waiting',
  FAILED: 'Failed',
  CANCELED: 'Stopped',
};

export interface Filter {
  /** Null is any. */
  readonly model: string | null;
  readonly state: GenerationState | null;
  /** Parts of the name of a class, in any order. */
  readonly words: string | null;
  /** The list begins with this day, `2026-11-23`, and goes back from there; null is now. */
  readonly day: string | null;
  readonly favourites: boolean;
}

export const everything: Filter = { model: null, state: null, words: null, day: null, favourites: false };

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
    words: read('words', (text) => text.trim().slice(0, MOST_LETTERS) || undefined),
    day: read('day', (text) => (isDay(text) ? text : undefined)),
    favourites: read('favourites', (text) => (text === '1' ? true : undefined)) ?? false,
  };
  for (const name of new Set(asked.keys())) {
    if (!(name in expected))
      refused.push(`The address asks for “${name}”, which the gallery does not know. It is left out.`);
  }
  return { filter, refused };
}

const MOST_LETTERS = 80;

const expected: Readonly<Record<string, string>> = {
  model: 'expected the name of a model',
  state: `expected ${states.join(', ').toLowerCase()}`,
  words: 'expected a part of the name of a class',
  day: 'expected a day as 2026-11-23',
  favourites: 'expected 1',
};

/** The path of the gallery with this filter. */
export function filterAddress({ model, state, words, day, favourites }: Filter): string {
  const entries = [
    ...(model === null ? [] : [['model', model]]),
    ...(state === null ? [] : [['state', state.toLowerCase()]]),
    ...(words === null ? [] : [['words', words]]),
    ...(day === null ? [] : [['day', day]]),
    ...(favourites ? [['favourites', '1']] : []),
  ];
  return entries.length === 0 ? '/gallery' : `/gallery?${new URLSearchParams(entries)}`;
}

type OfModel = NonNullable<GenerationFilter['classes']>[number];

/** A filter whose words are looked up. */
export interface Wanted extends Filter {
  /** The classes that its words mean; null where there are no words. */
  readonly classes: readonly OfModel[] | null;
}

/** What the server looks for at once. */
const MOST_CLASSES = 100;

/** Looks the words up in the names of the classes; a sentence where they are found too often. */
export function wantedOf(
  filter: Filter,
  models: readonly Model[],
): { readonly wanted: Wanted; readonly note: string | null } {
  const { words } = filter;
  if (words === null) return { wanted: { ...filter, classes: null }, note: null };
  const classes = classesNamed(
    words,
    models.filter(({ name }) => name === (filter.model ?? name)),
  );
  if (classes.length <= MOST_CLASSES) return { wanted: { ...filter, classes }, note: null };
  const note = `“${words}” stands in the names of ${classes.length} classes, and at most ${MOST_CLASSES} are searched for. It is left out: type more of the name.`;
  return { wanted: { ...filter, classes: null }, note };
}

function classesNamed(words: string, models: readonly Model[]): readonly OfModel[] {
  const parts = folded(words).split(/\s+/);
  return models.flatMap(({ name: model, classes }) =>
    [...classes, { label: -1, name: NO_CLASS }]
      .filter(({ name }) => parts.every((part) => folded(name).includes(part)))
      .map(({ label }) => ({ model, label })),
  );
}

/** Without accents and capitals. */
function folded(text: string): string {
  return text.normalize('NFD').replaceAll(/\p{M}/gu, '').toLowerCase().trim();
}

/** As the API has it. Favourites are the browser's own, and asked for by their ids. */
export function asked({ model, state, day, classes }: Wanted): GenerationFilter {
  return {
    ...(model !== null && { models: [model] }),
    ...(state !== null && { states: [state] }),
    ...(classes !== null && { classes }),
    ...(day !== null && { createdBefore: endOf(day).toISOString() }),
  };
}

/** Whether one that was found by its id belongs there too. */
export function admits(
  { model, state, day, classes }: Wanted,
  one: Pick<StoredGeneration, 'modelName' | 'state' | 'createdAt' | 'images'>,
): boolean {
  const isOfDay = day === null || new Date(one.createdAt) < endOf(day);
  const shown = new Set(one.images.map(labelOf));
  const isNamed =
    classes === null || classes.some((wanted) => wanted.model === one.modelName && shown.has(wanted.label));
  return isOfDay && isNamed && (model ?? one.modelName) === one.modelName && (state ?? one.state) === one.state;
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
