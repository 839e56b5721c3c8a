import { shownAt, type Place } from '../runs/place.ts';
import type { GenerationState } from '../runs/generation-state.ts';

/** What of a result is shown, as its address has it: /g/ID?image=0&step=3&layer=order, both counted from 0. */
export interface View {
  readonly image: number;
  readonly place: Place;
  /** Of the anatomy; null for its own choice. */
  readonly layer: string | null;
}

/** Names in the address of a result that are none of a recipe. */
export const viewNames = ['image', 'step', 'layer'];
export const firstView: View = { image: 0, place: 'newest', layer: null };

/** Whether it is known how many images and steps a run has. */
export function isMeasured({ steps, labels, status }: GenerationState): boolean {
  return (
    labels.length > 0 && (steps.length > 0 || status === 'completed' || status === 'canceled' || status === 'failed')
  );
}

interface ReadView {
  readonly view: View;
  readonly notes: readonly string[];
}

/** Reads it for a run that is measured; `layers` are those that the anatomy has. */
export function readView(search: URLSearchParams, state: GenerationState, layers: readonly string[]): ReadView {
  const notes: string[] = [];
  const index = (name: string, count: number, taken: string): number | null => {
    const text = search.get(name);
    if (text === null) return null;
    if (/^\d{1,9}$/.test(text) && Number(text) < count) return Number(text);
    const expected = count > 0 ? `a whole number from 0 to ${count - 1}` : 'nothing, since this result has none';
    notes.push(`“${name}=${text.slice(0, 80)}”: expected ${expected}. Shown instead: ${taken}.`);
    return null;
  };
  const image = index('image', state.labels.length, 'the first image') ?? 0;
  const place = index('step', state.steps[0]?.of ?? 0, 'the newest step') ?? 'newest';
  const layer = search.get('layer');
  const isKnown = layer === null || layers.includes(layer);
  if (!isKnown) notes.push(`“layer=${layer.slice(0, 80)}”: expected one of ${layers.join(', ')}. It was left out.`);
  return { view: { image, place, layer: isKnown ? layer : null }, notes };
}

/** What need not be said is left out. */
export function writeView({ image, place, layer }: View, state: GenerationState): string {
  const { step, finished } = shownAt(state, place);
  const entries = [
    ...(image > 0 ? [['image', String(image)]] : []),
    ...(place !== 'newest' && !finished ? [['step', String(step)]] : []),
    ...(layer === null ? [] : [['layer', layer]]),
  ];
  const text = String(new URLSearchParams(entries));
  return text === '' ? '' : `?${text}`;
}
