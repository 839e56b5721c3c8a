import type { Step } from '../api/operations.ts';
import type { GenerationState } from '../runs/generation-state.ts';
import { tokensOf } from './order.tsx';
import { counted, formatTime } from './progress.tsx';
import { Picture } from './picture.tsx';

/** Where the large pictures stand: at a step, or at what is newest. */
export type Place = number | 'newest';

/** More frames than these are too small to tell apart under a small picture. */
const MOST_FRAMES = 5;

/** The scrubber's stops: one per step so far, and one for the finished images. */
export function stopsOf({ steps, images }: GenerationState): number {
  return steps.length + (images.length > 0 ? 1 : 0);
}

/** The step whose pictures and tokens are shown, and whether the finished images stand in for its pictures. */
export function shownAt(state: GenerationState, place: Place): { readonly step: number; readonly finished: boolean } {
  const last = state.steps.length - 1;
  if (place === 'newest' || place > last) return { step: last, finished: state.images.length > 0 };
  return { step: place, finished: false };
}

/** Some of the steps, evenly, with first and last: they are known before they come. */
export function framesOf(of: number): readonly number[] {
  const count = Math.min(of, MOST_FRAMES);
  return Array.from({ length: count }, (_, frame) => (count > 1 ? Math.round((frame * (of - 1)) / (count - 1)) : 0));
}

/** In CSS pixels: small pictures are enlarged by a whole number to at least `least`, large ones keep their size. */
export function shownSide(side: number, least: number): number {
  return side * Math.ceil(Math.max(1, least / side));
}

/** The newest picture of an image: steps of another batch have none. */
export function pictureAfter(steps: readonly Step[], image: number): string | null {
  return steps.findLast(({ previews }) => previews?.[image])?.previews?.[image]?.url ?? null;
}

interface ScrubberProps {
  readonly state: GenerationState;
  readonly title: string;
  readonly place: Place;
  onPlace(place: Place): void;
}

/** Goes through all steps, by pointer or keys; at its end it follows what comes. */
export function Scrubber({ state, title, place, onPlace }: ScrubberProps) {
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

interface FilmStripProps {
  /** Of what: for the group's name. */
  readonly name: string;
  readonly image: number;
  readonly steps: readonly Step[];
  readonly final: string | null;
  readonly shown: { readonly step: number; readonly finished: boolean };
  onPlace(place: Place): void;
}

/** Some steps of one image, small: each is a button that shows its step large in every image. */
export function FilmStrip({ name, image, steps, final, shown, onPlace }: FilmStripProps) {
  const frames = framesOf(steps[0]?.of ?? 1);
  return (
    <div
      className="strip"
      role="group"
      aria-label={`Steps of ${name}`}
      style={{ gridTemplateColumns: `repeat(${frames.length + 1}, minmax(0, 1fr))` }}
    >
      {frames
        .filter((frame) => frame < steps.length)
        .map((frame) => (
          <Frame
            key={frame}
            label={`Step ${frame + 1}`}
            picture={steps[frame]!.previews?.[image]?.url ?? null}
            isShown={!shown.finished && shown.step === frame}
            onPress={() => onPlace(frame)}
          />
        ))}
      {final && <Frame label="Finished" picture={final} isShown={shown.finished} onPress={() => onPlace('newest')} />}
    </div>
  );
}

interface FrameProps {
  readonly label: string;
  readonly picture: string | null;
  readonly isShown: boolean;
  onPress(): void;
}

function Frame({ label, picture, isShown, onPress }: FrameProps) {
  return (
    <button type="button" aria-label={label} aria-pressed={isShown} onClick={onPress}>
      {picture && <Picture src={picture} alt="" />}
    </button>
  );
}
