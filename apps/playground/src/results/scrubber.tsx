import type { GenerationState } from '../generation/generation-state.ts';
import { counted, formatTime } from './format.ts';
import { shownAt, stopsOf, type Place } from './frames.ts';
import { tokensOf } from './order-cells.ts';

interface Props {
  readonly state: GenerationState;
  readonly title: string;
  readonly place: Place;
  onPlace(place: Place): void;
}

/** Goes through all steps, by pointer or keys; at its end it follows what comes. */
export function Scrubber({ state, title, place, onPlace }: Props) {
  const { steps } = state;
  const { step, finished } = shownAt(state, place);
  const at = steps[step];
  if (!at) return null;
  const stop = finished ? step + 1 : step;
  const end = stopsOf(state) - 1;
  const name = `Step ${step + 1} of ${at.of}`;
  const longest = Math.max(...steps.map(({ milliseconds }) => milliseconds));
  return (
    <div className="scrubber">
      <div className="bars" aria-hidden="true">
        {Array.from({ length: at.of }, (_, index) => (
          <i
            key={index}
            data-shown={index === step}
            style={{ height: `${(100 * (steps[index]?.milliseconds ?? 0)) / longest}%` }}
          />
        ))}
      </div>
      <input
        type="range"
        aria-label={`Step of ${title}`}
        aria-valuetext={finished ? 'Finished' : name}
        min={0}
        max={at.of}
        value={stop}
        onChange={({ target }) => onPlace(Number(target.value) >= end ? 'newest' : Number(target.value))}
      />
      <p className="hint">
        {finished ? 'Finished' : name} · {counted(tokensOf(at), 'token')} · {formatTime(at.milliseconds)}
      </p>
    </div>
  );
}
