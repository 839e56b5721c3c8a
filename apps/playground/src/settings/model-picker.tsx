import { useId, useRef } from 'react';
import type { Model } from '../api/operations.ts';

interface ModelPickerProps {
  readonly models: readonly Model[];
  readonly model: Model;
  onPick(model: Model): void;
}

/** Which model: the chosen one, and on demand all of them with what they are for. */
export function ModelPicker({ models, model, onPick }: ModelPickerProps) {
  const id = useId();
  const details = useRef<HTMLDetailsElement>(null);
  if (models.length === 1) return <ModelFacts model={model} />;
  return (
    <details
      ref={details}
      className="models"
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
      <fieldset className="model-list">
        <legend className="unseen">Model</legend>
        {models.map((one) => (
          <label key={one.name} className="model">
            <input type="radio" name="model" value={one.name} checked={one === model} onChange={() => onPick(one)} />
            <ModelFacts model={one} />
          </label>
        ))}
      </fieldset>
      <p id={`${id}-facts`} className="unseen">
        {factsOf(model)}
      </p>
    </details>
  );
}

function ModelFacts({ model }: { readonly model: Model }) {
  return (
    <span className="model-facts">
      <strong>{model.title}</strong>
      <span>{firstSentence(model.description)}</span>
      <span className="hint">{factsOf(model)}</span>
    </span>
  );
}

/** How it draws, how large it is, and what it makes. */
export function factsOf({ layout, parameters, tokens, image: { width, height } }: Model): string {
  const way = layout.length > 1 ? 'grows sharper' : 'fills holes';
  return `${way} · ${shortCount(parameters)} parameters · ${tokens} tokens · ${width} × ${height} px`;
}

/** Descriptions begin with what the model is for; the rest is in its README. */
export function firstSentence(text: string): string {
  return /^.*?[.:](?=\s|$)/s.exec(text)?.[0].replace(/:$/, '.') ?? text;
}

function shortCount(count: number): string {
  return new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 }).format(count);
}
