import type { GenerationState } from '../generation/generation-state.ts';

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
