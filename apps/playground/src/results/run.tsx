import { useMemo, useState, type CSSProperties, type ReactNode } from 'react';
import type { Model, Step } from '../api/operations.ts';
import { isBusy, type GenerationState } from '../runs/generation-state.ts';
import { titleOf } from '../settings/classes.tsx';
import { OrderMap, partMaps } from './order.tsx';
import { Picture } from './picture.tsx';
import { ErrorNote, Progress } from './progress.tsx';
import { FilmStrip, pictureAfter, Scrubber, shownAt, shownSide, type Place } from './steps.tsx';

interface RunProps {
  readonly state: GenerationState;
  /** Undefined until the server has said which it is. */
  readonly model: Model | undefined;
  readonly showsOrder: boolean;
  readonly onRetry: (() => void) | undefined;
}

/** More images than these have no strips: the scrubber goes through their steps, and only one step's pictures load. */
const MOST_STRIPS = 16;

/** What one model makes of a request: progress, the scrubber, and a card per image. */
export function Run({ state, model, showsOrder, onRetry }: RunProps) {
  const [place, setPlace] = useState<Place>('newest');
  const shown = shownAt(state, place);
  const steps = useMemo(() => state.steps.slice(0, shown.step + 1), [state.steps, shown.step]);
  const title = model?.title ?? 'The model';
  return (
    <section className="run" aria-label={title}>
      <header>
        {model && <h2>{model.title}</h2>}
        <Progress state={state} title={title} />
      </header>
      {state.status === 'failed' && (
        <ErrorNote message={state.error ?? 'It failed without a reason.'} retry={onRetry} />
      )}
      <Scrubber state={state} title={title} place={place} onPlace={setPlace} />
      {state.model !== null && !model && <p>The server no longer has the model {state.model}.</p>}
      {model && (
        <div className="cards" style={sides(model, state.labels.length)}>
          {state.labels.map((label, image) => {
            const name = titleOf(label, model.classes);
            const final = state.images[image] ?? null;
            const seed = state.seed + image;
            const strip = { name: `${name}, seed ${seed}`, image, steps: state.steps, final, shown };
            return (
              <ImageCard
                key={image}
                {...{
                  name,
                  seed,
                  image,
                  model,
                  steps,
                  final,
                  showsOrder,
                  finished: shown.finished,
                  busy: isBusy(state),
                }}
              >
                {state.labels.length <= MOST_STRIPS && <FilmStrip {...strip} onPlace={setPlace} />}
              </ImageCard>
            );
          })}
        </div>
      )}
    </section>
  );
}

/** A single image may be larger than many. */
function sides({ image: { width } }: Model, count: number): CSSProperties {
  const side = (least: number) => `${shownSide(width, count === 1 ? 2 * least : least)}px`;
  return { '--side': side(160), '--side-narrow': side(128) } as CSSProperties;
}

interface ImageCardProps {
  readonly name: string;
  readonly seed: number;
  readonly image: number;
  readonly model: Model;
  /** Up to the one shown. */
  readonly steps: readonly Step[];
  readonly finished: boolean;
  /** A picture may still come. */
  readonly busy: boolean;
  readonly final: string | null;
  readonly showsOrder: boolean;
  /** What goes beneath. */
  readonly children: ReactNode;
}

/** From this size on a picture looks better smoothed than as squares. */
const FINE = 192;

/** One image, large, at the step shown. */
export function ImageCard({
  name,
  seed,
  image,
  model,
  steps,
  finished,
  busy,
  final,
  showsOrder,
  children,
}: ImageCardProps) {
  const { height, width } = model.image;
  const { over, beside } = partMaps(model.layout);
  const picture = finished ? final : pictureAfter(steps, image);
  const what = finished ? 'finished' : `step ${steps.length}`;
  return (
    <figure className="card">
      <div className="frame" style={{ aspectRatio: `${width} / ${height}` }}>
        {picture ? (
          <Picture
            className={finished && width >= FINE ? 'large fine' : 'large'}
            src={picture}
            alt={`${name}, ${what}`}
          />
        ) : (
          busy && <div className="waiting" />
        )}
        {showsOrder && <OrderMap map={over} steps={steps} image={image} />}
      </div>
      {showsOrder && beside.length > 0 && (
        <div className="beside">
          {beside.map((map) => (
            <OrderMap key={map.start} map={map} steps={steps} image={image} />
          ))}
        </div>
      )}
      <figcaption>
        <strong>{name}</strong>
        <span>seed {seed}</span>
        {final && (
          <a href={final} download={`${model.name}-${name}-${seed}.png`}>
            Save
            <span className="unseen">
              {' '}
              {name}, seed {seed}
            </span>
          </a>
        )}
      </figcaption>
      {children}
    </figure>
  );
}
