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

export function modelsNow(): Models {
  return state;
}

/** Asks the server for its models: at first, after an error, and for those of a server that was started again. */
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

/** Calls `changed` after each change. Returns a function that ends it. */
export function onModels(changed: () => void): () => void {
  listeners.add(changed);
  return () => void listeners.delete(changed);
}

function change(next: Models): void {
  state = next;
  for (const changed of listeners) changed();
}
