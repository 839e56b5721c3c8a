import { useEffect, useRef, useState } from 'react';
import type { Model } from '../api/operations.ts';
import type { GenerationState } from '../runs/generation-state.ts';
import { OrderLegend } from './order.tsx';
import { Run } from './run.tsx';

interface Props {
  readonly runs: readonly GenerationState[];
  readonly models: readonly Model[];
  /** Not while something still runs. */
  readonly onRetry: (() => void) | undefined;
}

/** What the models make, side by side. */
export function Results({ runs, models, onRetry }: Props) {
  const [showsOrder, setShowsOrder] = useState(false);
  const section = useRef<HTMLElement>(null);
  const sending = runs.some(({ status }) => status === 'sending');
  useEffect(() => {
    const { top } = section.current!.getBoundingClientRect();
    if (sending && top > innerHeight / 2) section.current!.scrollIntoView();
  }, [sending]);
  return (
    <section ref={section} className="results" aria-label="Result">
      {runs.length === 0 ? (
        <Invitation />
      ) : (
        <div className="bar">
          <label className="check">
            <input type="checkbox" checked={showsOrder} onChange={({ target }) => setShowsOrder(target.checked)} />
            Show the order of tokens
          </label>
          {showsOrder && <OrderLegend />}
        </div>
      )}
      <div className="runs">
        {runs.map((state, run) => (
          <Run
            key={state.id ?? run}
            state={state}
            model={models.find(({ name }) => name === state.model)}
            showsOrder={showsOrder}
            onRetry={onRetry}
          />
        ))}
      </div>
    </section>
  );
}

function Invitation() {
  return (
    <div className="invitation">
      <div className="mosaic" aria-hidden="true">
        {[1, 3, 7, 12, 16].map((written) => (
          <div key={written}>
            {Array.from({ length: 16 }, (_, index) => (
              <i key={index} data-written={(index * 7) % 16 < written} />
            ))}
          </div>
        ))}
      </div>
      <p>Pick a class and press Generate. Each image appears step by step, from its first tokens to its last.</p>
    </div>
  );
}
