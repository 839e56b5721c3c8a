import type { Model } from '../api/operations.ts';
import type { GenerationState } from '../runs/generation-state.ts';
import type { CellRun } from './runner.ts';

/* What a picture takes, and which of several takes the least. */

export interface Cost {
  /** Milliseconds of the model alone, once it is loaded; null where that is not known. */
  readonly warmMs: number | null;
  /** Of the run for which it was loaded. */
  readonly coldMs: number | null;
  readonly steps: number | null;
  readonly tokens: number | null;
  readonly parameters: number | null;
}

export function costOf(run: CellRun, state: GenerationState | null, model: Model | undefined): Cost {
  const isDone = state?.status === 'completed';
  return {
    warmMs: isDone && !state.isCold ? state.milliseconds : null,
    coldMs: run.coldMs ?? (isDone && state.isCold ? state.milliseconds : null),
    steps: isDone ? state.steps.length : null,
    tokens: model?.tokens ?? null,
    parameters: model?.parameters ?? null,
  };
}

/** Places of the least value; none where all are alike or one is not known yet. */
export function bestOf(costs: readonly Cost[], what: keyof Cost): ReadonlySet<number> {
  const values = costs.map((cost) => cost[what]);
  const known = values.filter((value) => value !== null);
  const least = Math.min(...known);
  if (known.length < values.length || known.every((value) => value === least)) return new Set();
  return new Set(values.flatMap((value, place) => (value === least ? place : [])));
}

/** The step that stands for a share of the way, from 0 to 1; the finished picture at its end. */
export function stepAt(steps: number, share: number): number | 'finished' {
  return share >= 1 || steps === 0 ? 'finished' : Math.min(steps - 1, Math.floor(share * steps));
}
