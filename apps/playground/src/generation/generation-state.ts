import type { GenerationEvent, Step } from '../api/types.ts';

/** What the page knows of the generation it shows. */
export interface GenerationState {
  readonly status: 'idle' | 'sending' | 'queued' | 'running' | 'completed' | 'failed' | 'canceled';
  readonly id: string | null;
  readonly labels: readonly number[];
  readonly seed: number;
  readonly ahead: number;
  readonly steps: readonly Step[];
  readonly images: readonly string[];
  readonly milliseconds: number | null;
  readonly error: string | null;
  /** Newest event that counts; older ones that come again are dropped. */
  readonly seq: number;
}

export type GenerationAction =
  | { readonly type: 'send' }
  | { readonly type: 'follow'; readonly id: string; readonly labels: readonly number[]; readonly seed: number }
  | { readonly type: 'event'; readonly event: GenerationEvent }
  | { readonly type: 'error'; readonly message: string };

export const idle: GenerationState = {
  status: 'idle',
  id: null,
  labels: [],
  seed: 0,
  ahead: 0,
  steps: [],
  images: [],
  milliseconds: null,
  error: null,
  seq: 0,
};

export function isBusy({ status }: GenerationState): boolean {
  return status === 'sending' || status === 'queued' || status === 'running';
}

export function reduceGeneration(state: GenerationState, action: GenerationAction): GenerationState {
  switch (action.type) {
    case 'send':
      return { ...idle, status: 'sending' };
    case 'follow':
      return { ...idle, status: 'queued', id: action.id, labels: action.labels, seed: action.seed };
    case 'error':
      return { ...state, status: 'failed', error: action.message };
    case 'event':
      return action.event.seq <= state.seq ? state : reduceEvent({ ...state, seq: action.event.seq }, action.event);
  }
}

function reduceEvent(state: GenerationState, event: GenerationEvent): GenerationState {
  switch (event.__typename) {
    case 'QueuedEvent':
      return { ...state, status: 'queued', ahead: event.position };
    case 'StartedEvent':
      return { ...state, status: 'running' };
    case 'StepEvent':
      return { ...state, status: 'running', steps: [...state.steps, event] };
    case 'CompletedEvent':
      return { ...state, status: 'completed', images: event.images, milliseconds: event.timings.total };
    case 'FailedEvent':
      return { ...state, status: 'failed', error: event.message };
    case 'CanceledEvent':
      return { ...state, status: 'canceled' };
  }
}
