import { memo, useState } from 'react';
import type { Model, StoredGeneration } from '../api/operations.ts';
import { useLeftSteps } from '../pictures/left-picture.ts';
import { partAfter } from '../pictures/picture-part.ts';
import { StepPicture } from '../pictures/step-picture.tsx';
import { stateNames } from './filter.ts';
import type { Held } from './use-picking.ts';
import { nameOf, subjectOf } from './wording.ts';

/** More pictures than these are told by a number. */
const MOST_SHOWN = 4;

interface TileProps {
  readonly generation: StoredGeneration;
  readonly model: Model | undefined;
  /** In CSS pixels. */
  readonly side: number;
  readonly isFavourite: boolean;
  readonly isPicked: boolean;
  /** One of several. */
  readonly isChosen: boolean;
  /** Clicks choose: nothing is opened, and nothing moves under the finger. */
  readonly isChoosing: boolean;
  /** Tab leads to it; arrows lead to the others. */
  readonly isReachable: boolean;
  onPick(id: string): void;
  onClick(id: string, held: Held): void;
  onOpen(id: string): void;
}

/** One generation: up to four of its pictures, what they show, and how many there are. */
export const Tile = memo(function Tile(props: TileProps) {
  const { generation, model, side, isFavourite, isPicked, isChosen, isChoosing, isReachable } = props;
  const { onPick, onClick, onOpen } = props;
  const { id, images, state, seed, edit } = generation;
  const marks = `${isFavourite ? ', favourite' : ''}${isChosen ? ', chosen' : ''}`;
  const shown = images.slice(0, MOST_SHOWN).flatMap(({ picture }) => picture ?? []);
  const left = useLeftSteps(generation);
  const parts = images.slice(0, MOST_SHOWN).flatMap((_, image) => partAfter(left, image) ?? []);
  const across = shown.length + parts.length > 1 ? 2 : 1;
  // Without the border, and the gap between two.
  const room = (side - 2 * across) / across;
  const subject = subjectOf(generation, model);
  const facts = [
    `seed ${seed}`,
    ...(shown.length === 0 && parts.length > 0 ? [stateNames[state].toLowerCase()] : []),
    ...(images.length > 1 ? [`${images.length} pictures`] : []),
    ...(edit ? ['edited'] : []),
  ];
  return (
    <div role="gridcell" aria-selected={isChosen} className="tile-cell" style={{ width: side }}>
      <button
        type="button"
        className={isPicked ? 'tile picked' : 'tile'}
        aria-label={`${nameOf(generation, model)}${marks}`}
        tabIndex={isReachable ? 0 : -1}
        onClick={(event) => {
          onPick(id);
          onClick(id, event);
          if (!isChoosing) event.currentTarget.scrollIntoView({ block: 'nearest' });
        }}
        onDoubleClick={() => isChoosing || onOpen(id)}
        onFocus={() => onPick(id)}
      >
        <span className="tile-pictures" style={{ height: side }}>
          {shown.length + parts.length === 0 && <span className="tile-state">{stateNames[state]}</span>}
          {shown.map(({ url, width, height }) => (
            <Thumb key={url} url={url} {...fitted({ width: width ?? 32, height: height ?? 32 }, room)} />
          ))}
          {parts.map((part) => (
            <span key={part.index} style={fitted(model?.image ?? { width: 32, height: 32 }, room)}>
              <StepPicture part={part} name="" {...(model?.image ?? { width: 1, height: 1 })} />
            </span>
          ))}
        </span>
        <span className="tile-caption">
          <strong title={subject}>{subject}</strong>
          <span>{facts.join(' · ')}</span>
        </span>
        {isFavourite && <span className="tile-mark">★</span>}
        {isChosen && <span className="tile-mark chosen">✓</span>}
      </button>
    </div>
  );
});

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Small pictures are enlarged by a whole number, as far as they fit; large ones are shrunk. */
export function fitted({ width, height }: Size, room: number): Size {
  const most = room / Math.max(width, height);
  const factor = most >= 1 ? Math.floor(most) : most;
  return { width: width * factor, height: height * factor };
}

/** A finished picture; empty while it is not there, or where the server is away. */
function Thumb({ url, width, height }: Size & { readonly url: string }) {
  const [isThere, setIsThere] = useState(false);
  const show = () => setIsThere(true);
  const hide = () => setIsThere(false);
  return (
    <img
      src={url}
      alt=""
      decoding="async"
      width={width}
      height={height}
      className={isThere ? 'there' : undefined}
      onLoad={show}
      onError={hide}
    />
  );
}
