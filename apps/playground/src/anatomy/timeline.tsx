import { useMemo } from 'react';
import type { Model } from '../api/operations.ts';
import { partAfter } from '../pictures/picture-part.ts';
import { StepPicture } from '../pictures/step-picture.tsx';
import type { Place } from '../runs/place.ts';
import type { GenerationState } from '../runs/generation-state.ts';
import { AddedPicture } from './added-picture.tsx';
import { CellLayer } from './cell-layer.tsx';
import { framesOf } from './frames.ts';
import { frameName, sentenceOf, type Manner } from './telling.ts';
import { cellsAt, mapOf, positionsOf, type Token } from './tokens.ts';
import './timeline.css';

interface Props {
  readonly state: GenerationState;
  readonly model: Model;
  readonly image: number;
  readonly manner: Manner;
  readonly tokens: ReadonlyMap<number, Token>;
  /** Positions whose tokens are those of the picture that is edited. */
  readonly given: ReadonlySet<number>;
  /** The step shown. */
  readonly shown: number;
  onPlace(place: Place): void;
}

/** More are too small to be told apart. */
const MOST_FRAMES = 8;
const MOST_SCALES = 16;

/** Steps side by side, drawn to one size: of scales what each added and the picture so far, of sets how the holes fill. */
export function Timeline(props: Props) {
  const { state, manner, shown, onPlace } = props;
  const own = useMemo(() => ownSteps(state, props.image), [state, props.image]);
  const isScale = manner === 'scales';
  const frames = framesOf(own, isScale ? MOST_SCALES : MOST_FRAMES, shown);
  const last = state.steps.length - 1;
  return (
    <div className={isScale ? 'timeline scales' : 'timeline'}>
      <p className="rows" aria-hidden="true">
        <span>{isScale ? '' : 'Step'}</span>
        {isScale && (
          <span>
            What it added <small>grey: no change</small>
          </span>
        )}
        <span>So far {isScale && <small>the sum</small>}</span>
        {isScale && (
          <em>Upper row: what each scale added; grey is no change. Lower row: the picture so far, the sum of these.</em>
        )}
      </p>
      <ol>
        {frames.map((frame) => (
          <li key={frame}>
            <Frame {...props} frame={frame} onPress={() => onPlace(frame === last ? 'newest' : frame)} />
          </li>
        ))}
      </ol>
    </div>
  );
}

/** Those that drew something in an image. */
function ownSteps({ steps }: GenerationState, image: number): readonly number[] {
  return steps.flatMap((step, index) => (positionsOf(step, image).length > 0 ? [index] : []));
}

interface FrameProps extends Props {
  readonly frame: number;
  onPress(): void;
}

function Frame({ state, model, image, manner, tokens, given, shown, frame, onPress }: FrameProps) {
  const step = state.steps[frame]!;
  const map = useMemo(() => mapOf(positionsOf(step, image), model.layout), [step, image, model.layout]);
  const looks = useMemo(() => {
    const nothing = { fill: null, isOld: false, isNew: false };
    return cellsAt({ tokens, given }, map, frame).map(({ token, isGiven }) => ({
      ...nothing,
      isHole: token === null && !isGiven,
      isGiven,
    }));
  }, [tokens, given, map, frame]);
  const size = { width: model.image.width, height: model.image.height };
  const after = partAfter(state.steps.slice(0, frame + 1), image);
  return (
    <button
      type="button"
      aria-label={sentenceOf({ step, image, map, manner, given })}
      aria-current={frame === shown ? 'step' : undefined}
      onClick={onPress}
    >
      <span aria-hidden="true">
        {manner === 'scales' && <b>Scale {step.index + 1}</b>} {frameName(step, image, map, manner)}
      </span>
      {manner === 'scales' && (
        <AddedPicture before={partAfter(state.steps.slice(0, frame), image)} after={after} name="" {...size}>
          <CellLayer map={map} looks={looks} hasLines />
        </AddedPicture>
      )}
      <StepPicture part={after} name="" {...size}>
        <CellLayer map={map} looks={looks} hasLines={manner === 'scales'} />
      </StepPicture>
    </button>
  );
}
