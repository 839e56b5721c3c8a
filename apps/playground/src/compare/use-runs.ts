import { useEffect, useReducer } from 'react';
import type { GenerationState } from '../runs/generation-state.ts';
import { runs } from '../runs/use-run.ts';

/** The states of several runs; null where there is no key yet. */
export function useRuns(keys: readonly (string | null)[]): readonly (GenerationState | null)[] {
  const [, wake] = useReducer((times: number) => times + 1, 0);
  const joined = keys.join(' ');
  useEffect(() => {
    const ends = joined.split(' ').map((key) => runs.onChange(key, wake));
    wake();
    return () => ends.forEach((end) => end());
  }, [joined]);
  return keys.map((key) => (key === null ? null : runs.state(key)));
}
