import { useMemo, useState, type CSSProperties } from 'react';
import type { Model } from '../api/types.ts';
import { isBusy, type GenerationState } from '../generation/generation-state.ts';
import { titleOf } from '../settings/class-words.ts';
import { ErrorNote } from './error-note.tsx';
import { FilmStrip } from './film-strip.tsx';
import { shownAt, shownSide, type Place } from './frames.ts';
import { ImageCard } from './image-card.tsx';
import { Progress } from './progress.tsx';
import { Scrubber } from './scrubber.tsx';

interface Props {
  readonly state: GenerationState;
  /** Undefined until the server has said which it is. */
  readonly model: Model | undefined;
  readonly showsOrder: boolean;
  readonly onRetry: (() => void) | undefined;
}

/** More images than these have no strips: the scrubber goes through their steps, and only one step's pictures load. */
const MOST_STRIPS = 16;

/** What one model makes of a request: progress, the scrubber, and a card per image. */
export function Run({ state, model, showsOrder, onRetry }: Props) {
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
