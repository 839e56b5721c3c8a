import { useEffect, useState } from 'react';
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
