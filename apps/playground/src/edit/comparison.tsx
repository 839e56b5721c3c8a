import { useEffect, useRef, useState, type PointerEvent } from 'react';
import { Link } from 'wouter';
import { modelOf } from '../api/model-of.ts';
import type { Model } from '../api/operations.ts';
import { partAt, wholePicture } from '../pictures/picture-part.ts';
import { StepPicture } from '../pictures/step-picture.tsx';
import { useRun } from '../runs/use-run.ts';
import type { Base } from './base.ts';
import { cutPicture, png } from '../mask/compose.ts';
import { CopyLink } from './copy-link.tsx';
import { frameOf, type Box, type Frame } from '../mask/frame.ts';
import { variantName, type Chosen } from './tray.tsx';

interface ComparisonProps {
  readonly base: Base;
  readonly models: readonly Model[];
  readonly chosen: Chosen;
  /** Of the mask; the variant may be of a model of another size. */
  readonly frame: Frame;
  /** Where the picture lay. */
  readonly place: Box;
  onLeave(): void;
}

/** A variant over what it was made of, with a line that one moves between them. */
export function Comparison({ base, models, chosen, frame, place, onLeave }: ComparisonProps) {
  const state = useRun(chosen.key);
  /** Where the line is, in percent from the left: on its left the variant, on its right the picture as it was. */
  const [line, setLine] = useState(100);
  const back = useRef<HTMLButtonElement>(null);
  const dragged = useDragged(setLine);
  // Where the focus was on the mask, it would be lost with it.
  useEffect(() => {
    if (document.activeElement === document.body) back.current?.focus({ preventScroll: true });
  }, []);
  // What was just asked for must be seen, also by who has scrolled down to ask for it.
  const whole = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // Some browsers answer with a promise, which is no way to end an effect.
    void whole.current?.scrollIntoView({ block: 'nearest' });
  }, [chosen]);
  const model = modelOf(models, state?.model ?? null, state?.asked ?? null);
  const before = useBefore(base, place, model ? frameOf(model) : frame);
  if (!state || !model) return <p className="loading">Asking the server…</p>;
  const { width, height } = model.image;
  const name = variantName(state, chosen.image, model);
  const file = state.images[chosen.image];
  const link = `/g/${state.id}?image=${chosen.image}`;
  return (
    <div ref={whole} className="edit-comparison">
      <div className="edit-bar">
        <button ref={back} type="button" onClick={onLeave} title="Escape">
          ‹ Back to the mask
        </button>
        <p>{name}</p>
      </div>
      <div className="edit-pair" {...dragged}>
        <StepPicture part={before === null ? null : wholePicture(before)} name="Before" {...{ width, height }} />
        <div className="edit-after" style={{ clipPath: `inset(0 ${100 - line}% 0 0)` }}>
          <StepPicture part={partAt(state, chosen.image, 'finished')} name={name} {...{ width, height }} />
        </div>
        <i aria-hidden="true" style={{ left: `${line}%` }} hidden={line === 100} />
      </div>
      <label className="edit-slider">
        <span>Before</span>
        <input
          type="range"
          min="0"
          max="100"
          value={line}
          aria-label="Before and after"
          aria-valuetext={`${line} percent of the variant`}
          onChange={({ target }) => setLine(Number(target.value))}
        />
        <span>After</span>
      </label>
      {file && (
        <div className="edit-bar">
          <Link href={`/edit/${state.id}?image=${chosen.image}`} className="button">
            Use as base
          </Link>
          <SaveButton id={state.id!} image={chosen.image} />
          <CopyLink path={link} />
        </div>
      )}
    </div>
  );
}

/** The file holds what was redrawn: dropped on the page, it opens here again. */
function SaveButton({ id, image }: { readonly id: string; readonly image: number }) {
  const [said, setSaid] = useState<string | null>(null);
  const save = () => {
    setSaid(null);
    import('../save/save.ts')
      .then(({ savePicture }) => savePicture({ id, image }))
      .catch(({ message }: Error) => setSaid(`Nothing was saved: ${message}`));
  };
  return (
    <>
      <button type="button" onClick={save}>
        Save PNG
      </button>
      {said && <p role="status">{said}</p>}
    </>
  );
}

/** The line follows a pointer that is pressed on the picture. */
function useDragged(onPart: (percent: number) => void) {
  const follow = (event: PointerEvent) => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    onPart(Math.round(100 * Math.max(0, Math.min(1, (event.clientX - left) / width))));
  };
  return {
    onPointerDown: (event: PointerEvent) => {
      event.currentTarget.setPointerCapture(event.pointerId);
      follow(event);
    },
    onPointerMove: (event: PointerEvent) => event.buttons > 0 && follow(event),
  };
}

/** What the model got, as a file that this page has made. */
function useBefore({ bitmap }: Base, place: Box, frame: Frame): string | null {
  const [url, setUrl] = useState<string | null>(null);
  const { width, height, channels, columns, rows } = frame;
  useEffect(() => {
    let made: string | null = null;
    let isWanted = true;
    const size = { width, height, channels, columns, rows };
    void png(cutPicture(bitmap, place, size).rgba, size).then((bytes) => {
      if (!isWanted) return;
      made = URL.createObjectURL(new Blob([new Uint8Array(bytes)], { type: 'image/png' }));
      setUrl(made);
    });
    return () => {
      isWanted = false;
      if (made) URL.revokeObjectURL(made);
    };
  }, [bitmap, place, width, height, channels, columns, rows]);
  return url;
}
