import type { ReactNode } from 'react';
import type { Model, Step } from '../api/types.ts';
import { OrderMap } from './order-map.tsx';
import { pictureAfter } from './frames.ts';
import { partMaps } from './order-cells.ts';

interface Props {
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
export function ImageCard({ name, seed, image, model, steps, finished, busy, final, showsOrder, children }: Props) {
  const { height, width } = model.image;
  const { over, beside } = partMaps(model.layout);
  const picture = finished ? final : pictureAfter(steps, image);
  const what = finished ? 'finished' : `step ${steps.length}`;
  return (
    <figure className="card">
      <div className="frame" style={{ aspectRatio: `${width} / ${height}` }}>
        {picture ? (
          <img className={finished && width >= FINE ? 'large fine' : 'large'} src={picture} alt={`${name}, ${what}`} />
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
