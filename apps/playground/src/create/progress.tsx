import { isBusy, type GenerationState } from '../runs/generation-state.ts';
import { announcement, sentence } from '../runs/sentences.ts';

/** How far it is, for eyes and for screen readers. */
export function Progress({ state, title }: { readonly state: GenerationState; readonly title: string }) {
  const of = state.steps.at(-1)?.of ?? 1;
  const value = state.status === 'running' ? { value: state.steps.length } : {};
  return (
    <div className="progress" data-status={state.status}>
      <p aria-hidden={isBusy(state)}>{sentence(state)}</p>
      {isBusy(state) && <progress aria-label={`Steps done of ${title}`} max={of} {...value} />}
      <p className="unseen" aria-live="polite">
        {isBusy(state) && `${title}: ${announcement(state)}`}
      </p>
    </div>
  );
}
