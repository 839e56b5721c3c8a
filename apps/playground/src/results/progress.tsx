import { isBusy, type GenerationState } from '../runs/generation-state.ts';

export function formatTime(milliseconds: number): string {
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(2)} s`;
  return `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`;
}

export function counted(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
}

/** How far a generation is. */
export function sentence({ status, ahead, steps, images, milliseconds }: GenerationState): string {
  switch (status) {
    case 'sending':
      return 'Asking the server…';
    case 'queued':
      return ahead > 0 ? `Queued: ${ahead} ahead` : 'Queued';
    case 'running':
      return steps.length === 0
        ? 'Started'
        : `Step ${steps.length} of ${steps.at(-1)!.of} · ${formatTime(milliseconds)}`;
    case 'completed':
      return `${counted(images.length, 'image')} in ${formatTime(milliseconds)}, ${counted(steps.length, 'step')}`;
    case 'failed':
      return 'Failed';
    case 'canceled':
      return `Canceled after ${counted(steps.length, 'step')}`;
  }
}

/** The same for screen readers: of many steps only each quarter is worth a sentence. */
export function announcement(state: GenerationState): string {
  const { status, steps } = state;
  const of = steps.at(-1)?.of ?? 1;
  const quarter = Math.floor((4 * steps.length) / of);
  if (status !== 'running') return sentence(state);
  return quarter === 0 ? 'Started' : `Step ${Math.ceil((quarter * of) / 4)} of ${of}`;
}

interface ProgressProps {
  readonly state: GenerationState;
  readonly title: string;
}

/** How far it is, for eyes and for screen readers. */
export function Progress({ state, title }: ProgressProps) {
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

interface ErrorNoteProps {
  readonly message: string;
  readonly retry: (() => void) | undefined;
}

/** What went wrong and what to do, read out at once. */
export function ErrorNote({ message, retry }: ErrorNoteProps) {
  return (
    <div className="error" role="alert">
      <p>{message}</p>
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}
