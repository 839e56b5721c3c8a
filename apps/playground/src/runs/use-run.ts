import { useCallback, useSyncExternalStore } from 'react';
import type { GenerationState } from './generation-state.ts';
import { RunStore } from './run-store.ts';

/** Of the whole page. */
export const runs = new RunStore();

/** The run of a key that `runs` gave. */
export function useRun(key: string): GenerationState | null {
  const subscribe = useCallback((changed: () => void) => runs.onChange(key, changed), [key]);
  return useSyncExternalStore(subscribe, () => runs.state(key));
}

/** Keys of what this page has started, the newest first. */
export function useStarted(): readonly string[] {
  return useSyncExternalStore(onStart, () => runs.started());
}

const onStart = (changed: () => void) => runs.onStart(changed);
