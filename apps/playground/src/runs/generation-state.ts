import { labelOf } from '../api/label.ts';
import type { Generation, GenerationEvent, Step } from '../api/operations.ts';

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
  /** As the server has stored it; null until it has said it. */
  readonly asked: Generation | null;
  /** Estimated milliseconds until it begins, while it waits; null where nothing is known. */
  readonly toStart: number | null;
  /** The model is read from the disk first. */
  readonly isLoading: boolean;
  /** It was, for this run: its time is longer than that of the next. */
  readonly isCold: boolean;
  readonly steps: readonly Step[];
  readonly images: readonly string[];
  /** Time of the model alone, so far or in all. */
  readonly milliseconds: number;
  readonly error: string | null;
  /** The code of the error, and the part of the request to blame. */
  readonly errorCode: string | null;
  readonly errorField: readonly string[] | null;
}

export type GenerationAction =
  | { readonly type: 'follow'; readonly generation: Generation }
  | { readonly type: 'event'; readonly event: GenerationEvent }
  | { readonly type: 'error'; readonly error: Error & { code?: string; field?: readonly string[] | null } };

export function sending(model: string | null): GenerationState {
  return {
    status: 'sending',
    id: null,
    model,
    labels: [],
    seed: 0,
    ahead: 0,
    asked: null,
    toStart: null,
    isLoading: false,
    isCold: false,
    steps: [],
    images: [],
    milliseconds: 0,
    error: null,
    errorCode: null,
    errorField: null,
  };
}

export function isBusy({ status }: GenerationState): boolean {
  return status === 'sending' || status === 'queued' || status === 'running';
}

const goneCodes = new Set(['unknown-generation', 'generation-deleted', 'not-found']);

/** The server does not have it: nothing has failed. */
export function isGone({ errorCode }: Pick<GenerationState, 'errorCode'>): boolean {
  return errorCode !== null && goneCodes.has(errorCode);
}

export function reduceGeneration(state: GenerationState, action: GenerationAction): GenerationState {
  switch (action.type) {
    case 'follow': {
      const { id, modelName, images, seed } = action.generation;
      const labels = images.map(labelOf);
      return { ...sending(modelName), status: 'queued', id, labels, seed, asked: action.generation };
    }
    case 'error': {
      const { message, code = null, field = null } = action.error;
      return { ...state, status: 'failed', error: message, errorCode: code, errorField: field };
    }
    case 'event':
      return reduceEvent(state, action.event);
  }
}

function reduceEvent(state: GenerationState, event: GenerationEvent): GenerationState {
  switch (event.__typename) {
    case 'QueuedEvent':
      return { ...state, status: 'queued', ahead: event.position };
    case 'WaitingEvent':
      return state.status === 'queued'
        ? { ...state, ahead: event.position, toStart: event.millisecondsToStart }
        : state;
    case 'LoadingEvent':
      return { ...state, isLoading: true, isCold: true };
    case 'StartedEvent':
    case 'RestartedEvent':
      return { ...state, status: 'running', isLoading: false };
    case 'StepEvent':
      return {
        ...state,
        status: 'running',
        isLoading: false,
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
      return { ...state, status: 'failed', error: event.message, errorCode: event.code };
    case 'CanceledEvent':
      return { ...state, status: 'canceled' };
  }
}
