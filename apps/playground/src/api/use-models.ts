import { useEffect, useSyncExternalStore } from 'react';
import { fetchModels, type Model } from './operations.ts';

export interface Models {
  /** Null until the server has told them. */
  readonly models: readonly Model[] | null;
  /** Why they cannot be had; null while they are asked for, and when they are there. */
  readonly error: string | null;
}

let state: Models = { models: null, error: null };
let asking = false;
const listeners = new Set<() => void>();

/** The server's models, asked for once for all rooms. */
export function useModels(): Models {
  useEffect(() => {
    if (state.models === null) loadModels();
  }, []);
  return useSyncExternalStore(onChange, () => state);
}

/** Asks for them again: after an error, or for those of a server that was started again. */
export function loadModels(): void {
  if (asking) return;
  asking = true;
  change({ ...state, error: null });
  fetchModels()
    .then(
      (models) => change({ models, error: null }),
      ({ message }: Error) => change({ ...state, error: message }),
    )
    .finally(() => (asking = false));
}

function change(next: Models): void {
  state = next;
  for (const changed of listeners) changed();
}

function onChange(changed: () => void): () => void {
  listeners.add(changed);
  return () => void listeners.delete(changed);
}
