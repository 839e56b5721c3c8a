import { useEffect, useState } from 'react';
import mar from './samples/mar.png';
import samplesVar from './samples/var.png';
import './samples.css';

/* Made by scripts/make-samples.ts: a row per image, a column per step and one for the finished image. */
const samples = [
  {
    name: 'VAR',
    sentence: 'VAR grows sharper: each step draws the whole picture again, finer.',
    sheet: samplesVar,
    columns: 6,
    stepMs: 420,
  },
  {
    name: 'MAR',
    sentence: 'MAR fills holes: each step draws a few pieces, in any order, until none is missing.',
    sheet: mar,
    columns: 17,
    stepMs: 150,
  },
] as const;
const ROWS = 3;
const REST_MS = 1400;

type Sample = (typeof samples)[number];

/** What the platform does, before the first run: shown, and said in a sentence each. */
export function Samples() {
  const [isPlaying, setPlaying] = useState(() => !matchMedia('(prefers-reduced-motion: reduce)').matches);
  return (
    <div className="samples">
      <div className="sample-pair">
        {samples.map((sample) => (
          <SampleFigure key={sample.name} sample={sample} isPlaying={isPlaying} />
        ))}
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

function SampleFigure({ sample, isPlaying }: { readonly sample: Sample; readonly isPlaying: boolean }) {
  const { name, sentence, sheet, columns } = sample;
  const frame = useFrame(sample, isPlaying);
  const [column, row] = [frame % columns, Math.floor(frame / columns) % ROWS];
  const place = `translate(${(-100 * column) / columns}%, ${(-100 * row) / ROWS}%)`;
  return (
    <figure className="sample">
      <div className="sample-frame" role="img" aria-label={`A handwritten digit drawn by ${name}, step by step`}>
        <img src={sheet} alt="" style={{ width: `${100 * columns}%`, height: `${100 * ROWS}%`, transform: place }} />
      </div>
      <figcaption>{sentence}</figcaption>
    </figure>
  );
}

/** Begins at the finished image, which stands a while before the next one is drawn. */
function useFrame({ columns, stepMs }: Sample, isPlaying: boolean): number {
  const [frame, setFrame] = useState(columns - 1);
  const isFinished = frame % columns === columns - 1;
  useEffect(() => {
    if (!isPlaying) return;
    const timer = setTimeout(() => setFrame((frame + 1) % (columns * ROWS)), isFinished ? REST_MS : stepMs);
    return () => clearTimeout(timer);
  }, [frame, columns, stepMs, isFinished, isPlaying]);
  return frame;
}
