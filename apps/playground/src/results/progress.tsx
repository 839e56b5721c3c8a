import { isBusy, type GenerationState } from '../generation/generation-state.ts';
import { announcement, sentence } from './format.ts';

interface Props {
  readonly state: GenerationState;
  readonly title: string;
}

/** How far it is, for eyes and for screen readers. */
export function Progress({ state, title }: Props) {
  const of = state.steps.at(-1)?.of ?? 1;
  const value = state.status === 'running' ? { value: state.steps.length } : {};
  return (
    <div className="progress" data-status={state.status}>
      <p>{sentence(state)}</p>
      {isBusy(state) && <progress aria-label={`Steps done by ${title}`} max={of} {...value} />}
      <p className="unseen" aria-live="polite">
        {title}: {announcement(state)}
      </p>
    </div>
  );
}
