import { useEffect, useRef, useState } from 'react';
import type { Model } from '../api/types.ts';
import type { GenerationState } from '../generation/generation-state.ts';
import { ErrorNote } from './error-note.tsx';
import { ImageCard } from './image-card.tsx';
import { Progress } from './progress.tsx';
import { StepTimes } from './step-times.tsx';

interface Props {
  readonly state: GenerationState;
  readonly model: Model;
  onRetry(): void;
}

export function Results({ state, model, onRetry }: Props) {
  // Which scale the large pictures show; null follows the newest.
  const [shown, setShown] = useState<number | null>(null);
  useEffect(() => setShown(null), [state.id]);
  const section = useRef<HTMLElement>(null);
  useEffect(() => {
    const { top } = section.current!.getBoundingClientRect();
    if (state.status === 'sending' && top > innerHeight / 2) section.current!.scrollIntoView();
  }, [state.status]);
  return (
    <section ref={section} className="results" aria-label="Result">
      <Progress state={state} />
      {state.status === 'failed' && (
        <ErrorNote message={state.error ?? 'It failed without a reason.'} retry={onRetry} />
      )}
      {state.status === 'idle' && <Invitation />}
      {state.labels.length > 0 && state.status !== 'idle' && (
        <div className="cards">
          {state.labels.map((label, image) => (
            <ImageCard
              key={image}
              name={model.classes[label]?.name ?? 'no class'}
              seed={state.seed + image}
              previews={state.steps.map((step) => step.previews?.[image] ?? null)}
              final={state.images[image] ?? null}
              scales={state.steps[0]?.of ?? 1}
              size={model.image}
              shown={shown}
              onShow={setShown}
            />
          ))}
        </div>
      )}
      {state.steps.length > 0 && <StepTimes steps={state.steps} />}
    </section>
  );
}

function Invitation() {
  return (
    <div className="invitation">
      <div className="mosaic" aria-hidden="true">
        {[1, 2, 3, 4, 6].map((side) => (
          <div key={side} style={{ gridTemplateColumns: `repeat(${side}, 1fr)` }}>
            {Array.from({ length: side * side }, (_, index) => (
              <i key={index} />
            ))}
          </div>
        ))}
      </div>
      <p>Pick a class and press Generate. Each image appears as one token, then 2 × 2, then finer and finer.</p>
    </div>
  );
}
