import { useCallback, useEffect, useReducer, useRef } from 'react';
import {
  cancelGeneration,
  createGeneration,
  fetchGeneration,
  followGeneration,
  type Generation,
  type GenerationInput,
} from '../api/operations.ts';
import { reduceRuns, type GenerationAction, type GenerationState } from './generation-state.ts';

export interface Generations {
  readonly runs: readonly GenerationState[];
  generate(inputs: readonly GenerationInput[]): void;
  /** Shows generations made earlier, finished or not. */
  show(ids: readonly string[]): void;
  cancel(): void;
}

type Tell = (action: GenerationAction) => void;

/** The generations that the page shows, one per model. Leaving the page does not end them: only `cancel` does. */
export function useGenerations(): Generations {
  const [runs, dispatch] = useReducer(reduceRuns, []);
  const shown = useRef<readonly Followed[]>([]);
  const leave = useCallback(() => shown.current.forEach((one) => one.leave()), []);
  useEffect(() => leave, [leave]);

  const start = useCallback(
    (models: readonly (string | null)[], loads: readonly Promise<Generation>[]) => {
      leave();
      dispatch({ type: 'start', models });
      shown.current = loads.map((load, run) => follow(load, (action) => dispatch({ run, action })));
    },
    [leave],
  );
  const generate = useCallback(
    (inputs: readonly GenerationInput[]) =>
      start(
        inputs.map(({ model }) => model),
        inputs.map(createGeneration),
      ),
    [start],
  );
  const show = useCallback(
    (ids: readonly string[]) =>
      start(
        ids.map(() => null),
        ids.map(fetchGeneration),
      ),
    [start],
  );
  const cancel = useCallback(() => shown.current.forEach((one) => one.cancel()), []);
  return { runs, generate, show, cancel };
}

interface Followed {
  cancel(): void;
  /** Nothing is told any more. */
  leave(): void;
}

function follow(load: Promise<Generation>, tell: Tell): Followed {
  let left = false;
  let unfollow = (): void => undefined;
  const told: Tell = (action) => {
    if (!left) tell(action);
  };
  const failed = ({ message }: Error) => told({ type: 'error', message });
  load.then((generation) => {
    if (left) return; // another was asked for while this one loaded
    tell({ type: 'follow', generation });
    unfollow = followGeneration(generation.id, {
      onEvent: (event) => told({ type: 'event', event }),
      onError: (message) => told({ type: 'error', message }),
    });
  }, failed);
  return {
    // One that is still on its way to the server is canceled as soon as it is there; `load` failing was told above.
    cancel: () =>
      void load.then(
        ({ id }) => cancelGeneration(id).catch(failed),
        () => undefined,
      ),
    leave: () => {
      left = true;
      unfollow();
    },
  };
}
