import { useMemo, type KeyboardEvent, type PointerEvent } from 'react';
import type { Model, TokenMap } from '../api/operations.ts';
import { partAfter, partAt } from '../pictures/picture-part.ts';
import { StepPicture } from '../pictures/step-picture.tsx';
import type { GenerationState } from '../runs/generation-state.ts';
import { AddedPicture } from './added-picture.tsx';
import { CellLayer } from './cell-layer.tsx';
import { rampColour, valueOf, type Layer } from './layers.ts';
import { moved } from './moves.ts';
import { placeText, sumOfScales, tokenText, type Manner } from './telling.ts';
import type { Cell } from './tokens.ts';

interface Props {
  readonly state: GenerationState;
  readonly model: Model;
  readonly image: number;
  readonly manner: Manner;
  readonly map: TokenMap;
  readonly cells: readonly Cell[];
  readonly index: number;
  readonly finished: boolean;
  readonly layer: Layer;
  readonly most: number | null;
  readonly cursor: number | null;
  onCursor(cursor: number): void;
}

/** The picture before a step, what the step added, and the picture after it. */
export function StepSum(props: Props) {
  const { state, model, image, manner, map, cells, index, finished } = props;
  const { width, height } = model.image;
  const earlier = partAfter(state.steps.slice(0, index), image);
  const later = partAt(state, image, finished ? 'finished' : index);
  const looks = useMemo(() => looksOf(cells, manner), [cells, manner]);
  const number = state.steps[index]!.index + 1;
  const { of } = state.steps[index]!;
  const name = (what: string) => `${what} step ${number} of ${of}`;
  const isFirst = earlier === null;
  const isScale = manner === 'scales';
  return (
    <div className="sum">
      <figure className="before">
        {isFirst ? (
          <p className="nothing" style={{ aspectRatio: `${width} / ${height}` }}>
            nothing yet
          </p>
        ) : (
          <StepPicture part={earlier} name={name('The picture before')} {...{ width, height }}>
            <CellLayer map={map} looks={looks.before} hasLines={manner !== 'scales'} />
          </StepPicture>
        )}
        <figcaption>
          Before
          {isScale && !isFirst && <small>{sumOfScales(number - 1, of)}</small>}
        </figcaption>
      </figure>
      <span className="sign" aria-hidden="true">
        +
      </span>
      <figure className="new">
        {isScale ? (
          <AddedPicture before={earlier} after={later} name={name('What was added by')} {...{ width, height }}>
            <CellLayer map={map} looks={looks.before} hasLines />
          </AddedPicture>
        ) : (
          <StepPicture part={later} name={name('The tokens drawn by')} {...{ width, height }}>
            <CellLayer map={map} looks={looks.added} hasLines />
          </StepPicture>
        )}
        <figcaption>
          {isScale ? `What scale ${number} added` : 'What this step drew'}
          <small>{isScale ? (isFirst ? allText : changeText) : drawnText}</small>
        </figcaption>
      </figure>
      <span className="sign" aria-hidden="true">
        =
      </span>
      <figure className="after">
        <StepPicture part={later} name={name('The picture after')} {...{ width, height }}>
          <TokenGrid {...props} />
        </StepPicture>
        <figcaption>
          {finished ? 'Finished' : 'So far'}
          {isScale && <small>{sumOfScales(number, of)}</small>}
        </figcaption>
      </figure>
    </div>
  );
}

const allText = 'There was nothing before: this is the beginning.';
const changeText = 'Grey: no change. Lighter, darker or tinted: the picture became so. Shown stronger than it is.';
const drawnText = 'Dimmed: was there before. Hatched: still a hole.';

const plain = { fill: null, isHole: false, isOld: false, isNew: false, isGiven: false };

function looksOf(cells: readonly Cell[], manner: Manner) {
  const isScale = manner === 'scales';
  return {
    before: cells.map(({ token, isNew, isGiven }) => ({
      ...plain,
      isHole: !isScale && !isGiven && (isNew || token === null),
      isGiven,
    })),
    added: cells.map(({ token, isNew, isGiven }) => ({
      ...plain,
      isHole: token === null && !isGiven,
      isOld: !isNew,
      isNew,
      isGiven,
    })),
  };
}

/** The tokens over the picture: one stop for the Tab key, arrows and the pointer go through them. */
function TokenGrid({ map, cells, layer, most, cursor, onCursor, finished, manner }: Props) {
  const looks = useMemo(
    () =>
      cells.map((cell) => ({
        ...plain,
        isNew: cell.isNew,
        isHole: cell.token === null && !cell.isGiven,
        isGiven: cell.isGiven,
        fill: fillOf(cell, layer, most),
      })),
    [cells, layer, most],
  );
  const press = (event: KeyboardEvent) => {
    const next = moved(cursor, event.key, map);
    if (next === null) return;
    event.preventDefault();
    onCursor(next);
  };
  const point = ({ clientX, clientY, currentTarget }: PointerEvent) => {
    const { left, top, width, height } = currentTarget.getBoundingClientRect();
    const column = Math.floor(((clientX - left) * map.width) / width);
    const row = Math.floor(((clientY - top) * map.height) / height);
    const isInside = column >= 0 && row >= 0 && column < map.width && row < map.height;
    if (isInside && row * map.width + column !== cursor) onCursor(row * map.width + column);
  };
  const at = cursor ?? 0;
  const told = tokenText(cells[at]!.token, placeText(at, map), missingText(cells[at]!));
  return (
    <div
      className="token-grid"
      role="slider"
      tabIndex={0}
      aria-label={`Tokens, ${map.height} rows of ${map.width}`}
      aria-valuemin={1}
      aria-valuemax={cells.length}
      aria-valuenow={at + 1}
      aria-valuetext={told}
      onKeyDown={press}
      onFocus={() => cursor === null && onCursor(0)}
      onPointerMove={point}
      onPointerDown={point}
    >
      <CellLayer
        map={map}
        looks={looks}
        hasLines={layer !== 'off' || manner === 'scales' || !finished}
        cursor={cursor}
      />
    </div>
  );
}

/** Why a place has no token that was drawn. */
export function missingText({ isGiven }: Cell): string {
  return isGiven ? 'given with the picture, and not drawn.' : 'not drawn yet.';
}

function fillOf({ token }: Cell, layer: Layer, most: number | null): string | null {
  const value = token && valueOf(token, layer);
  if (value === null || most === null) return null;
  return rampColour(Math.min(1, value / most));
}
