import { useEffect, useState } from 'react';
import avatarsMar from './samples/avatars-mar.png';
import avatarsVar from './samples/avatars-var.png';
import digitsMar from './samples/digits-mar.png';
import digitsVar from './samples/digits-var.png';
import './samples.css';

/** Made by scripts/make-samples.ts: a row per image, a column per step and one for the finished image. */
interface Sheet {
  readonly model: string;
  readonly title: string;
  readonly shows: string;
  readonly url: string;
  readonly columns: number;
  readonly stepMs: number;
}

interface Way {
  readonly name: string;
  readonly sentence: string;
  /** The first one is for models that have none of their own. */
  readonly sheets: readonly [Sheet, ...Sheet[]];
}

const digit = 'A handwritten digit';
const ways: readonly Way[] = [
  {
    name: 'VAR',
    sentence: 'VAR grows sharper: each scale is a finer grid over the whole picture, and is added to what was there.',
    sheets: [
      {
        ...{ model: 'digits-var', title: 'Handwritten digits (VAR)', shows: digit },
        ...{ url: digitsVar, columns: 6, stepMs: 420 },
      },
      {
        ...{ model: 'avatars-var', title: 'Avatars (VAR)', shows: 'An avatar' },
        ...{ url: avatarsVar, columns: 8, stepMs: 420 },
      },
    ],
  },
  {
    name: 'MAR',
    sentence: 'MAR fills holes: each step draws a few pieces, in any order, until none is missing.',
    sheets: [
      {
        ...{ model: 'digits-mar', title: 'Handwritten digits (MAR)', shows: digit },
        ...{ url: digitsMar, columns: 17, stepMs: 150 },
      },
      {
        ...{ model: 'avatars-mar', title: 'Avatars (MAR)', shows: 'An avatar' },
        ...{ url: avatarsMar, columns: 17, stepMs: 150 },
      },
    ],
  },
];
const ROWS = 3;
const REST_MS = 1400;

/** Models that draw the same begin with the same word. */
const subjectOf = (model: string): string => model.split('-')[0]!;
function sheetFor({ sheets }: Way, chosen: string): Sheet {
  const own = sheets.find(({ model }) => model === chosen);
  return own ?? sheets.find(({ model }) => subjectOf(model) === subjectOf(chosen)) ?? sheets[0];
}

/** What the platform does, before the first run: shown, and said in a sentence each. */
export function Samples({ chosen }: { readonly chosen: string }) {
  const [isPlaying, setPlaying] = useState(() => !matchMedia('(prefers-reduced-motion: reduce)').matches);
  return (
    <div className="samples">
      <div className="sample-pair">
        {ways.map((way) => {
          const sheet = sheetFor(way, chosen);
          return <SampleFigure key={sheet.model} {...{ way, sheet, isPlaying }} isChosen={sheet.model === chosen} />;
        })}
      </div>
      <p className="samples-foot">
        <button type="button" onClick={() => setPlaying(!isPlaying)}>
          {isPlaying ? 'Pause' : 'Play'}
        </button>
        <span>
          Press Generate and watch your own come about. <kbd>?</kbd> shows all keys.
        </span>
      </p>
    </div>
  );
}

interface FigureProps {
  readonly way: Way;
  readonly sheet: Sheet;
  readonly isPlaying: boolean;
  readonly isChosen: boolean;
}

function SampleFigure({ way: { name, sentence }, sheet, isPlaying, isChosen }: FigureProps) {
  const { title, shows, url, columns } = sheet;
  const frame = useFrame(sheet, isPlaying);
  const [column, row] = [frame % columns, Math.floor(frame / columns) % ROWS];
  const place = `translate(${(-100 * column) / columns}%, ${(-100 * row) / ROWS}%)`;
  return (
    <figure className="sample">
      <div className="sample-frame" role="img" aria-label={`${shows} drawn by ${name}, step by step`}>
        <img src={url} alt="" style={{ width: `${100 * columns}%`, height: `${100 * ROWS}%`, transform: place }} />
      </div>
      <figcaption>
        {sentence}{' '}
        <small>
          Here by {title}, {isChosen ? 'the chosen model' : 'another model'}.
        </small>
      </figcaption>
    </figure>
  );
}

/** Begins at the finished image, which stands a while before the next one is drawn. */
function useFrame({ columns, stepMs }: Sheet, isPlaying: boolean): number {
  const [frame, setFrame] = useState(columns - 1);
  const isFinished = frame % columns === columns - 1;
  useEffect(() => {
    if (!isPlaying) return;
    const timer = setTimeout(() => setFrame((frame + 1) % (columns * ROWS)), isFinished ? REST_MS : stepMs);
    return () => clearTimeout(timer);
  }, [frame, columns, stepMs, isFinished, isPlaying]);
  return frame;
}
