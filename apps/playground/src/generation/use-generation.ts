import { useCallback, useEffect, useReducer, useRef } from 'react';
import { cancelGeneration, createGeneration, fetchGeneration, followGeneration } from '../api/operations.ts';
import type { GenerationInput } from '../api/types.ts';
import { idle, reduceGeneration, type GenerationState } from './generation-state.ts';

export interface GenerationControl {
  readonly state: GenerationState;
  generate(input: GenerationInput): Promise<void>;
  /** Shows a generation made earlier, finished or not. */
  show(id: string): Promise<void>;
  cancel(): Promise<void>;
}

/** The one generation that the page shows. Leaving the page does not end it: only `cancel` does. */
export function useGeneration(): GenerationControl {
  const [state, dispatch] = useReducer(reduceGeneration, idle);
  const unfollow = useRef<() => void>(() => undefined);
  const newest = useRef<object | null>(null);
  useEffect(() => () => unfollow.current(), []);

  const follow = useCallback(async (load: Promise<{ id: string; labels: readonly number[]; seed: number }>) => {
    unfollow.current();
    newest.current = load;
    dispatch({ type: 'send' });
    try {
      const { id, labels, seed } = await load;
      if (newest.current !== load) return; // another was asked for while this one loaded
      dispatch({ type: 'follow', id, labels, seed });
      unfollow.current = followGeneration(id, {
        onEvent: (event) => dispatch({ type: 'event', event }),
        onError: (message) => dispatch({ type: 'error', message }),
      });
    } catch (error) {
      dispatch({ type: 'error', message: (error as Error).message });
    }
  }, []);

  const generate = useCallback((input: GenerationInput) => follow(createGeneration(input)), [follow]);
  const show = useCallback((id: string) => follow(fetchGeneration(id)), [follow]);
  const { id } = state;
  const cancel = useCallback(async () => {
    if (!id) return;
    await cancelGeneration(id).catch((error: Error) => dispatch({ type: 'error', message: error.message }));
  }, [id]);
  return { state, generate, show, cancel };
}
