import { memo, useCallback, useDeferredValue, useState, type CSSProperties, type ReactNode } from 'react';
import type { Model } from '../api/operations.ts';
import { partAt } from '../pictures/picture-part.ts';
import { StepPicture } from '../pictures/step-picture.tsx';
import type { GenerationState } from '../runs/generation-state.ts';
import { placeName, shownAt, stopsOf, type Place } from '../runs/place.ts';
import { imageName, runName } from '../runs/sentences.ts';
import type { View } from './place-address.ts';
import './stage.css';

interface StageProps {
  readonly state: GenerationState;
  readonly model: Model;
  readonly view: View;
  readonly isPlaying: boolean;
  onView(view: Partial<View>): void;
  onPlay(): void;
  /** What can be done with the image shown. */
  readonly children: ReactNode;
}

/** The images of a run: one as large as fits with the others beneath, or all of them in rows. */
export function Stage({ state, model, view, isPlaying, onView, onPlay, children }: StageProps) {
  const [perRow, setPerRow] = useState(1);
  const count = state.labels.length;
  const columns = Math.min(perRow, count);
  // The large image goes first; many small ones follow it without holding up the page.
  const onImage = useCallback((image: number) => onView({ image }), [onView]);
  const later = useDeferredValue(state);
  const rows = { state: later, model, view, onImage };
  return (
    <>
      <header className="stage-head" data-late={later !== state}>
        <h2>
          {runName(state, model)} <span>{model.title}</span>
        </h2>
        {count > 1 && <Density count={count} perRow={columns} onChange={setPerRow} />}
      </header>
      {columns <= 1 ? (
        <>
          <div className="viewport" style={shapeOf(model)}>
            <ImageAt {...{ state, model, view }} image={view.image} />
          </div>
          {count > 1 && <ImageRow {...rows} className="strip" />}
        </>
      ) : (
        <ImageRow {...rows} className="grid" columns={columns} onOpen={() => setPerRow(1)} />
      )}
      <div className="under">
        <Transport {...{ state, isPlaying, onPlay }} place={view.place} onPlace={(place) => onView({ place })} />
        {children}
      </div>
    </>
  );
}

function shapeOf({ image: { width, height } }: Model): CSSProperties {
  return { '--w': width, '--h': height } as CSSProperties;
}

interface ImageAtProps {
  readonly state: GenerationState;
  readonly model: Model;
  readonly view: View;
  readonly image: number;
}

function ImageAt({ state, model, view, image }: ImageAtProps) {
  const { step, finished } = shownAt(state, view.place);
  const part = partAt(state, image, finished ? 'finished' : step);
  const { width, height } = model.image;
  const name = `${imageName(state, model, image)}, ${stepName(state, view.place)}`;
  return <StepPicture part={part} name={name} width={width} height={height} className="frame" />;
}

function stepName(state: GenerationState, place: Place): string {
  return state.steps.length === 0 && state.images.length === 0 ? 'not begun' : placeName(state, place).toLowerCase();
}

interface ImageRowProps extends Omit<ImageAtProps, 'image'> {
  readonly className: string;
  readonly columns?: number;
  onImage(image: number): void;
  onOpen?(): void;
}

/** All images to choose from: one stop for the Tab key, arrows choose. */
const ImageRow = memo(function ImageRow(props: ImageRowProps) {
  const { state, model, view, className, columns, onImage, onOpen } = props;
  const style = { ...shapeOf(model), ...(columns && { gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))` }) };
  return (
    <fieldset className={className} style={style} {...(onOpen && { onDoubleClick: onOpen })}>
      <legend className="unseen">Image</legend>
      {state.labels.map((_, image) => (
        <label key={image} className="pick">
          <input
            type="radio"
            name="image"
            checked={view.image === image}
            aria-label={imageName(state, model, image)}
            onChange={() => onImage(image)}
          />
          <ImageAt {...{ state, model, view, image }} />
        </label>
      ))}
    </fieldset>
  );
});

interface DensityProps {
  readonly count: number;
  readonly perRow: number;
  onChange(perRow: number): void;
}

const MOST_PER_ROW = 8;

function Density({ count, perRow, onChange }: DensityProps) {
  return (
    <label className="density">
      <span>{perRow === 1 ? 'One image' : `${perRow} in a row`}</span>
      <input
        type="range"
        aria-label="Images in a row"
        min={1}
        max={Math.min(count, MOST_PER_ROW)}
        value={perRow}
        onChange={({ target }) => onChange(Number(target.value))}
      />
    </label>
  );
}

interface TransportProps {
  readonly state: GenerationState;
  readonly place: Place;
  readonly isPlaying: boolean;
  onPlay(): void;
  onPlace(place: Place): void;
}

/** Plays the steps, and goes through them; at its end it goes along with what comes. */
function Transport({ state, place, isPlaying, onPlay, onPlace }: TransportProps) {
  const { step, finished } = shownAt(state, place);
  const of = state.steps[0]?.of ?? 1;
  const end = stopsOf(state) - 1;
  return (
    <div className="transport">
      <button type="button" aria-disabled={end < 1} onClick={onPlay}>
        <span aria-hidden="true">{isPlaying ? '❚❚' : '▶'}</span>
        <span className="unseen">{isPlaying ? 'Pause' : 'Play the steps'}</span>
      </button>
      <input
        type="range"
        aria-label="Step"
        aria-valuetext={stepName(state, place)}
        min={0}
        max={of}
        value={Math.max(0, finished ? of : step)}
        onChange={({ target }) => onPlace(Number(target.value) >= end ? 'newest' : Number(target.value))}
      />
      <span className="at">{step < 0 ? '' : placeName(state, place)}</span>
    </div>
  );
}
