import { useId } from 'react';
import { layerNames, layers, layerTexts, rampColour, type Layer } from './layers.ts';

interface Props {
  readonly layer: Layer;
  /** The end of its colours; null where nothing is known. */
  readonly most: number | null;
  /** Why codes and probabilities are not there. */
  readonly unknown: string | null;
  /** All tokens of a map come in one step. */
  readonly isScale: boolean;
  onLayer(layer: Layer): void;
}

const ONE_STEP = 'All tokens of a scale come in one step: they have one colour. The scales above are the steps.';

/** What is laid over the picture, and what its colours mean. */
export function LayerChoice({ layer, most, unknown, isScale, onLayer }: Props) {
  const name = useId();
  const isMissing = layer !== 'off' && most === null;
  return (
    <fieldset className="layers">
      <legend>Colour the tokens</legend>
      <div className="choices">
        {layers.map((one) => (
          <label key={one}>
            <input type="radio" name={name} checked={layer === one} onChange={() => onLayer(one)} />
            {layerNames[one]}
          </label>
        ))}
      </div>
      {layer !== 'off' && (
        <p className="hint">{isMissing ? unknown : layer === 'order' && isScale ? ONE_STEP : layerTexts[layer]}</p>
      )}
      {layer !== 'off' && !isMissing && <Legend layer={layer} most={most!} />}
    </fieldset>
  );
}

function Legend({ layer, most }: { readonly layer: Layer; readonly most: number }) {
  const colours = Array.from({ length: 9 }, (_, i) => rampColour(i / 8)).join(', ');
  const [low, high] =
    layer === 'order' ? ['first', 'last'] : layer === 'surprise' ? ['expected', 'a surprise'] : ['sure', 'open'];
  const unit = layer === 'order' ? null : (value: number) => `${value.toFixed(1)} bits`;
  return (
    <p className="legend">
      <span>
        {low} {unit && `(${unit(0)})`}
      </span>
      <i aria-hidden="true" style={{ background: `linear-gradient(90deg in oklab, ${colours})` }} />
      <span>
        {high} {unit && `(${unit(most)})`}
      </span>
    </p>
  );
}
