import type { Condition, Generation, GenerationEvent, Step } from '../api/operations.ts';

/** What the page knows of one generation. */
export interface GenerationState {
  readonly status: 'sending' | 'queued' | 'running' | 'completed' | 'failed' | 'canceled';
  readonly id: string | null;
  /** Name of the model; null until the server has said it. */
  readonly model: string | null;
  /** The class of each image; -1 is no class. */
  readonly labels: readonly number[];
  readonly seed: number;
  readonly ahead: number;
  readonly steps: readonly Step[];
  readonly images: readonly string[];
  /** Time of the model alone, so far or in all. */
  readonly milliseconds: number;
  readonly error: string | null;
}

export type GenerationAction =
  | { readonly type: 'follow'; readonly generation: Generation }
  | { readonly type: 'event'; readonly event: GenerationEvent }
  | { readonly type: 'error'; readonly message: string };

/** One generation per model shown: `start` replaces them all, everything else concerns the one at `run`. */
export type RunsAction =
  | { readonly type: 'start'; readonly models: readonly (string | null)[] }
  | { readonly run: number; readonly action: GenerationAction };

export function sending(model: string | null): GenerationState {
  return {
    status: 'sending',
    id: null,
    model,
    labels: [],
    seed: 0,
    ahead: 0,
    steps: [],
    images: [],
    milliseconds: 0,
    error: null,
  };
}

export function isBusy({ status }: GenerationState): boolean {
  return status === 'sending' || status === 'queued' || status === 'running';
}

export function reduceRuns(runs: readonly GenerationState[], change: RunsAction): readonly GenerationState[] {
  if ('models' in change) return change.models.map(sending);
  return runs.map((state, run) => (run === change.run ? reduceGeneration(state, change.action) : state));
}

export function reduceGeneration(state: GenerationState, action: GenerationAction): GenerationState {
  switch (action.type) {
    case 'follow': {
      const { id, modelName, images, seed } = action.generation;
      const labels = images.map(({ condition }) => labelOf(condition));
      return { ...sending(modelName), status: 'queued', id, labels, seed };
    }
    case 'error':
      return { ...state, status: 'failed', error: action.message };
    case 'event':
      return reduceEvent(state, action.event);
  }
}

/** The class of a condition; -1 is no class. */
function labelOf(condition: Condition): number {
  return condition.__typename === 'ClassCondition' ? condition.label : -1;
}

function reduceEvent(state: GenerationState, event: GenerationEvent): GenerationState {
  switch (event.__typename) {
    case 'QueuedEvent':
      return { ...state, status: 'queued', ahead: event.position };
    case 'WaitingEvent':
      return state.status === 'queued' ? { ...state, ahead: event.position } : state;
    case 'LoadingEvent':
      return state;
    case 'StartedEvent':
    case 'RestartedEvent':
      return { ...state, status: 'running' };
    case 'StepEvent':
      return {
        ...state,
        status: 'running',
        steps: [...state.steps, event],
        milliseconds: state.milliseconds + event.milliseconds,
      };
    case 'CompletedEvent':
      return {
        ...state,
        status: 'completed',
        images: event.images.map(({ url }) => url),
        milliseconds: event.timings.total,
      };
    case 'FailedEvent':
      return { ...state, status: 'failed', error: event.message };
    case 'CanceledEvent':
      return { ...state, status: 'canceled' };
  }
}
