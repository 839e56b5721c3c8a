import { lazy, Suspense, useId, useRef, useState } from 'react';
import type { Model } from '../api/operations.ts';
import { ErrorBoundary } from '../error-boundary.tsx';
import { factsOf } from './model-facts.ts';

/* Fetched, with the samples, when it is first looked into. */
const ModelList = lazy(() => import('./model-list.tsx').then(({ ModelList }) => ({ default: ModelList })));

interface ModelPickerProps {
  readonly models: readonly Model[];
  readonly model: Model;
  onPick(model: Model): void;
}

/** Which model: the chosen one, and on demand all of them with what they are for. */
export function ModelPicker({ models, model, onPick }: ModelPickerProps) {
  const id = useId();
  const details = useRef<HTMLDetailsElement>(null);
  const [isOpen, setOpen] = useState(false);
  return (
    <details
      ref={details}
      className="models"
      onToggle={({ currentTarget }) => setOpen(currentTarget.open)}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || !details.current!.open) return;
        event.stopPropagation();
        details.current!.open = false;
        details.current!.querySelector('summary')!.focus();
      }}
    >
      <summary aria-describedby={`${id}-facts`}>
        <span className="quiet">Model</span> <strong>{model.title}</strong>
      </summary>
      {isOpen && (
        <ErrorBoundary instead={<p className="hint">The models could not be shown: the server does not answer.</p>}>
          <Suspense fallback={<p className="hint">Loading…</p>}>
            <ModelList models={models} model={model} onPick={onPick} />
          </Suspense>
        </ErrorBoundary>
      )}
      <p id={`${id}-facts`} className="unseen">
        {factsOf(model)}
      </p>
    </details>
  );
}
