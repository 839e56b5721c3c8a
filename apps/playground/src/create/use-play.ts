import { useEffect, useRef, useState } from 'react';
import type { GenerationState } from '../runs/generation-state.ts';
import { stepBy, stopsOf, type Place } from '../runs/place.ts';

/** All steps together, however many there are; one step at least and at most. */
const WHOLE_MS = 3000;
const STEP_MS = { least: 60, most: 500 };

/** Plays the steps of a run from the first to the finished images. */
export function usePlay(state: GenerationState | null, place: Place, onPlace: (place: Place) => void) {
  const [isPlaying, setPlaying] = useState(false);
  const stops = state ? stopsOf(state) : 0;
  useEffect(() => {
    if (!isPlaying || !state) return;
    const wait = Math.min(STEP_MS.most, Math.max(STEP_MS.least, WHOLE_MS / stops));
    const timer = setTimeout(() => {
      const next = stepBy(state, place, 1);
      onPlace(next);
      if (next === 'newest') setPlaying(false);
    }, wait);
    return () => clearTimeout(timer);
  }, [isPlaying, state, stops, place, onPlace]);
  const toggle = () => {
    if (isPlaying) return setPlaying(false);
    if (stops < 2) return;
    if (place === 'newest') onPlace(0);
    setPlaying(true);
  };
  return { isPlaying, toggle, pause: () => setPlaying(false) };
}

/** A run that is over sooner was hardly seen. */
const HARDLY_SEEN_MS = 2000;

/** Shows how images come about who has just made the first ones: plays them once where it went too fast to be seen. */
export function useFirstReplay(state: GenerationState | null, key: string | null, play: () => void) {
  const first = useRef<string | null>(null);
  const isDue = state?.status === 'completed' && state.milliseconds < HARDLY_SEEN_MS && key === first.current;
  const newest = useRef(play);
  newest.current = play;
  useEffect(() => {
    if (!isDue || matchMedia('(prefers-reduced-motion: reduce)').matches) return;
    first.current = '';
    newest.current();
  }, [isDue]);
  /** To be told of each run that is begun. */
  return (begun: string) => void (first.current ??= begun);
}
