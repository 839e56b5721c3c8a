import { useSyncExternalStore } from 'react';

/* Favourites are kept by this browser, newest first: the server knows no persons. */

const STORED = 'tessera-favourites';

let favourites: readonly string[] = readStored();
const listeners = new Set<() => void>();

/** Ids of generations. */
export function useFavourites(): readonly string[] {
  return useSyncExternalStore(onChange, () => favourites);
}

/** Of several: all are marked, unless all were. */
export function toggleFavourites(ids: readonly string[]): void {
  const isMarked = ids.every((id) => favourites.includes(id));
  const others = favourites.filter((one) => !ids.includes(one));
  change(isMarked ? others : [...ids, ...others]);
}

export function forgetFavourites(ids: readonly string[]): void {
  change(favourites.filter((id) => !ids.includes(id)));
}

function change(next: readonly string[]): void {
  favourites = next;
  try {
    localStorage.setItem(STORED, JSON.stringify(next));
  } catch {
    // A browser that stores nothing forgets them with the page.
  }
  for (const changed of listeners) changed();
}

function readStored(): readonly string[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(STORED) ?? '[]');
    return Array.isArray(stored) ? stored.filter((id) => typeof id === 'string') : [];
  } catch {
    return [];
  }
}

function onChange(changed: () => void): () => void {
  // Another tab has changed them.
  const stored = ({ key }: StorageEvent) => {
    if (key !== STORED) return;
    favourites = readStored();
    changed();
  };
  listeners.add(changed);
  addEventListener('storage', stored);
  return () => {
    listeners.delete(changed);
    removeEventListener('storage', stored);
  };
}
