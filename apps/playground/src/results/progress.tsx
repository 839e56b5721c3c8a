import type { GenerationState } from '../generation/generation-state.ts';

/** How far it is, for eyes and for screen readers. */
export function Progress({ state }: { readonly state: GenerationState }) {
  const of = state.steps.at(-1)?.of ?? 1;
  const done = state.status === 'completed' ? of : state.steps.length;
  const busy = state.status === 'sending' || state.status === 'queued' || state.status === 'running';
  return (
    <div className="progress" data-status={state.status}>
      <p aria-live="polite">{sentence(state)}</p>
      {busy && <progress aria-label="Scales done" max={of} {...(state.status === 'running' && { value: done })} />}
    </div>
  );
}

function sentence({ status, ahead, steps, images, milliseconds }: GenerationState): string {
  switch (status) {
    case 'idle':
      return 'Ready';
    case 'sending':
      return 'Asking the server…';
    case 'queued':
      return ahead > 0 ? `Queued: ${ahead} ahead` : 'Queued';
    case 'running':
      return steps.length === 0 ? 'Started' : `Scale ${steps.length} of ${steps.at(-1)!.of}`;
    case 'completed':
      return `${images.length === 1 ? '1 image' : `${images.length} images`} in ${formatTime(milliseconds ?? 0)}`;
    case 'failed':
      return 'Failed';
    case 'canceled':
      return `Canceled after ${steps.length === 1 ? '1 scale' : `${steps.length} scales`}`;
  }
}

export function formatTime(milliseconds: number): string {
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(2)} s`;
  return `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`;
}
