import { useEffect, useState } from 'react';
import { fetchModels, fetchPicture, type Model } from '../api/operations.ts';
import { factsOf, firstSentence } from './model-facts.ts';
import { speedText } from './model-speed.ts';
import './model-list.css';

interface ModelListProps {
  readonly models: readonly Model[];
  readonly model: Model;
  onPick(model: Model): void;
}

/** All models: what they are for, how large and how fast they are, and what they have drawn. */
export function ModelList({ models, model, onPick }: ModelListProps) {
  const speeds = useSpeeds(models);
  return (
    <fieldset className="model-list">
      <legend className="unseen">Model</legend>
      {models.map((one) => (
        <label key={one.name} className="model">
          <input type="radio" name="model" value={one.name} checked={one === model} onChange={() => onPick(one)} />
          <span className="model-facts">
            <strong>{one.title}</strong>
            <span>{firstSentence(one.description)}</span>
            <Samples model={one} />
            <span className="hint">{factsOf(one)}</span>
            <span className="hint">{speedText(one, speeds.get(one.name) ?? null)}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

/** They change with each image that is made: what the models say was told when the page was opened. */
function useSpeeds(models: readonly Model[]): ReadonlyMap<string, number | null> {
  const [now, setNow] = useState(models);
  useEffect(() => {
    // A server that is away now leaves what it has told before.
    fetchModels().then(setNow, () => undefined);
  }, []);
  return new Map(now.map(({ name, millisecondsPerImage }) => [name, millisecondsPerImage]));
}

/** The picture that the model's evaluation has drawn, or a word where there is none. */
function Samples({ model: { title, samples } }: { readonly model: Model }) {
  const [url, setUrl] = useState<string | null>(null);
  const [isLost, setLost] = useState(false);
  useEffect(() => {
    if (samples === null) return;
    let made: string | null = null;
    let isWanted = true;
    fetchPicture(samples).then(
      (bytes) => {
        if (!isWanted) return;
        made = URL.createObjectURL(new Blob([new Uint8Array(bytes)], { type: 'image/png' }));
        setUrl(made);
      },
      () => isWanted && setLost(true),
    );
    return () => {
      isWanted = false;
      if (made) URL.revokeObjectURL(made);
    };
  }, [samples]);
  if (samples === null) return <span className="hint">It brings no samples along.</span>;
  if (isLost) return <span className="hint">Its samples could not be had: the server does not answer.</span>;
  return <span className="model-samples">{url && <img src={url} alt={`Drawn by ${title}`} />}</span>;
}
