import { labelOf, wordsOf, type Asked } from '../api/label.ts';
import type { Model } from '../api/operations.ts';
import { titleOf } from '../settings/classes.tsx';
import { isGone, type GenerationState } from './generation-state.ts';

/* What the page says of a run. */

export function formatTime(milliseconds: number): string {
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(2)} s`;
  return `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`;
}

export function counted(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
}

/** A guess, in whole seconds: more would only seem exact. */
function about(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 1) return 'a moment';
  return seconds < 90 ? `about ${seconds} s` : `about ${Math.round(seconds / 60)} min`;
}

/** Estimated milliseconds until a run that draws is finished, by its steps so far; null where that says nothing yet. */
export function timeLeft({ status, steps, milliseconds }: GenerationState): number | null {
  const of = steps.at(-1)?.of;
  if (status !== 'running' || of === undefined) return null;
  return (milliseconds / steps.length) * (of - steps.length);
}

/** How far a generation is. */
export function sentence(state: GenerationState): string {
  const { status, ahead, toStart, isLoading, steps, images, milliseconds } = state;
  switch (status) {
    case 'sending':
      return 'Asking the server…';
    case 'queued': {
      if (isLoading) return 'Loading the model: only the first images of a model wait for this';
      const waits = toStart === null ? '' : `, begins in ${about(toStart)}`;
      return ahead > 0 ? `Queued: ${ahead} ahead${waits}` : `Queued${waits}`;
    }
    case 'running': {
      if (steps.length === 0)
        return isLoading ? 'Loading the model: only the first images of a model wait for this' : 'Started';
      const left = timeLeft(state)!;
      const more = left >= 1000 ? ` · ${about(left)} left` : '';
      return `Step ${steps.length} of ${steps.at(-1)!.of} · ${formatTime(milliseconds)}${more}`;
    }
    case 'completed':
      return `${counted(images.length, 'image')} in ${formatTime(milliseconds)}, ${counted(steps.length, 'step')}`;
    case 'failed':
      return failure(state);
    case 'canceled':
      return `Stopped after ${counted(steps.length, 'step')}`;
  }
}

/** Only what had begun can fail. */
function failure(state: GenerationState): string {
  if (isGone(state)) return 'Not found here';
  if (state.errorCode === 'unreachable') return 'No answer';
  return state.id === null ? 'Not begun' : 'Failed';
}

/** The same for screen readers: of many steps only each quarter is worth a sentence. */
export function announcement(state: GenerationState): string {
  const { status, steps } = state;
  const of = steps.at(-1)?.of ?? 1;
  const quarter = Math.floor((4 * steps.length) / of);
  if (status !== 'running' || steps.length === 0) return sentence(state);
  return quarter === 0 ? 'Started' : `Step ${Math.ceil((quarter * of) / 4)} of ${of}`;
}

/** The same in the room that a list or a tab has. */
export function shortSentence(state: GenerationState): string {
  const { status, ahead, toStart, isLoading, steps } = state;
  switch (status) {
    case 'sending':
      return 'Sending';
    case 'queued':
      if (isLoading) return 'Loading';
      return `${ahead} ahead${toStart === null || toStart < 1000 ? '' : `, ${about(toStart)}`}`;
    case 'running':
      return steps.length === 0 ? 'Started' : `Step ${steps.length} of ${steps.at(-1)!.of}`;
    case 'completed':
      return 'Finished';
    case 'failed':
      return failure(state);
    case 'canceled':
      return 'Stopped';
  }
}

/** Longer texts are cut: names stand beside pictures. */
const MOST_WORDS = 60;

/** What an image shows: its class, or the words that it was asked for with. */
export function subjectName(image: Asked, model: Model | undefined): string {
  const words = wordsOf(image);
  if (words !== null) return words.length > MOST_WORDS ? `${words.slice(0, MOST_WORDS)}…` : words;
  const label = labelOf(image);
  if (label !== -1) return model ? titleOf(label, model.classes) : `class ${label}`;
  return model && model.classes.length === 0 ? 'nothing asked for' : 'no class';
}

/** What all images together show, in one line. */
export function subjectsName(images: readonly Asked[], model: Model | undefined): string {
  const first = subjectName(images[0]!, model);
  const [one] = images.map(({ condition }) => JSON.stringify(condition));
  if (images.some(({ condition }) => JSON.stringify(condition) !== one)) {
    return `${images.length} ${images.some((image) => wordsOf(image) !== null) ? 'texts' : 'classes'}`;
  }
  return images.length === 1 ? first : `${first} × ${images.length}`;
}

/** What one image of a run is: what it shows, and its seed. */
export function imageName({ asked, seed }: GenerationState, model: Model | undefined, image: number): string {
  const of = asked?.images[image];
  return of ? `${subjectName(of, model)}, seed ${of.seed}` : `seed ${seed + image}`;
}

/** What a run is in one line. */
export function runName({ asked }: GenerationState, model: Model | undefined): string {
  return asked?.images.length ? subjectsName(asked.images, model) : (model?.title ?? 'New images');
}
