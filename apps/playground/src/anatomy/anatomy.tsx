import { useId, useMemo, useState } from 'react';
import type { Model } from '../api/operations.ts';
import { isBusy, type GenerationState } from '../runs/generation-state.ts';
import { shownAt, type Place } from '../runs/place.ts';
import { LayerChoice } from './layer-choice.tsx';
import { mostOf, type Layer } from './layers.ts';
import { StepSum } from './step-sum.tsx';
import { finishedSentence, mannerOf, mannerTexts, sentenceOf, tokenMeaning, unknownText } from './telling.ts';
import { Timeline } from './timeline.tsx';
import { TokenFacts } from './token-facts.tsx';
import { cellsAt, givenOf, mapOf, positionsOf, tokensOf } from './tokens.ts';
import './anatomy.css';

interface Props {
  readonly state: GenerationState;
  readonly model: Model;
  readonly image: number;
  readonly place: Place;
  onPlace(place: Place): void;
  readonly layer: Layer;
  onLayer(layer: Layer): void;
}

/** How an image came about: what each step added, which tokens it drew, and how sure it was of them. */
export function Anatomy({ state, model, image, place, onPlace, layer, onLayer }: Props) {
  const { steps } = state;
  const { step: index, finished } = shownAt(state, place);
  const step = steps[index];
  const tokens = useMemo(() => tokensOf(steps, image), [steps, image]);
  const given = useMemo(() => givenOf(steps), [steps]);
  const manner = mannerOf(model);
  const [cursor, setCursor] = useState<number | null>(null);
  const title = useId();
  if (!step) return null;
  const map = mapOf(positionsOf(step, image), model.layout);
  const cells = cellsAt({ tokens, given }, map, index);
  const most = mostOf(tokens.values(), layer);
  const unknown = unknownText(step, model, state.labels.length);
  const shown = cursor !== null && cursor < cells.length ? cursor : null;
  const pictured = { state, model, image, manner, given };
  return (
    <section className="anatomy" aria-labelledby={title}>
      <header>
        <h3 id={title}>How this image came about</h3>
        <p className="manner">{mannerTexts[manner]}</p>
      </header>
      <Timeline {...pictured} shown={index} tokens={tokens} onPlace={onPlace} />
      <p className="step-sentence" aria-live={isBusy(state) ? 'off' : 'polite'}>
        {sentenceOf({ step, image, map, manner, given })}{' '}
        {finished && <span>{finishedSentence(state, tokens, given)}</span>}
      </p>
      <p className="hint meaning">{tokenMeaning(model, manner)}</p>
      {given.size > 0 && (
        <p className="hint given">This is an edit. A dot marks what was given with the picture and not drawn.</p>
      )}
      {!steps.some(({ previews }) => previews) && (
        <p className="hint">This run asked for no pictures of its steps: only its tokens are shown.</p>
      )}
      <div className="look">
        <StepSum
          {...pictured}
          {...{ map, cells, layer, most, finished }}
          index={index}
          cursor={shown}
          onCursor={setCursor}
        />
        <div className="known">
          <LayerChoice {...{ layer, most, unknown, onLayer }} isScale={manner === 'scales'} />
          <TokenFacts map={map} cells={cells} cursor={shown} unknown={unknown} />
        </div>
      </div>
    </section>
  );
}
