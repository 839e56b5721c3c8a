import { useEffect, useLayoutEffect, useRef, useState, type ReactNode, type RefObject } from 'react';
import { onConnection } from '../api/tessera.ts';
import { drawings } from './draw-queue.ts';
import { pictures } from './picture-cache.ts';
import type { PicturePart } from './picture-part.ts';
import './step-picture.css';

/** From this side on a picture looks better smoothed than as squares. */
const FINE = 192;

interface Props {
  /** Null until there is one: the picture before stays. */
  readonly part: PicturePart | null;
  /** What it shows, for screen readers: picture, class and seed. Empty where it only decorates. */
  readonly name: string;
  /** The image's own size in pixels. */
  readonly width: number;
  readonly height: number;
  readonly className?: string;
  /** Lies over the picture and has its size. */
  readonly children?: ReactNode;
}

/**
 * One picture of an image, centred in its box, which is as wide as its place: small ones are enlarged by a whole number.
 * The next picture is drawn once it is decoded, so that nothing torn or empty is ever seen.
 */
export function StepPicture({ part, name, width, height, className, children }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const shown = useDrawn(canvas, part);
  const told = shown === 'lost' ? `${name}; the server did not send this picture` : name;
  return (
    <PictureBox {...{ width, height, className, shown }}>
      <canvas
        ref={canvas}
        {...(name === '' ? { 'aria-hidden': true } : { role: 'img', 'aria-label': told })}
        width={width}
        height={height}
        data-wanted={part?.url}
      />
      {shown === 'lost' && <p aria-hidden="true">The server did not send this picture.</p>}
      {children}
    </PictureBox>
  );
}

interface BoxProps {
  readonly width: number;
  readonly height: number;
  readonly className: string | undefined;
  readonly shown: Shown;
  readonly children: ReactNode;
}

/** As wide as its place; in its middle what is drawn, at a whole multiple of a small picture's size. */
export function PictureBox({ width, height, className, shown, children }: BoxProps) {
  const aspectRatio = `${width} / ${height}`;
  return (
    <div className={`step-picture ${className ?? ''}`} style={{ aspectRatio }} data-shown={shown}>
      <div style={{ aspectRatio, width: widthFor(width) }}>{children}</div>
    </div>
  );
}

/** As many times its own size as fit, a whole number of the screen's dots; all of the box where it is fine, or the box smaller. */
function widthFor(width: number): string {
  const once = `${width / window.devicePixelRatio}px`;
  return width >= FINE ? '100%' : `max(round(down, 100%, ${once}), min(100%, ${once}))`;
}

/** `waiting` for the first picture, `drawn`, or `lost`: what should be there could not be had, what is drawn is older. */
export type Shown = 'waiting' | 'drawn' | 'lost';

function useDrawn(canvas: RefObject<HTMLCanvasElement | null>, part: PicturePart | null): Shown {
  const [shown, setShown] = useState<Shown>('waiting');
  const [tries, setTries] = useState(0);
  const { url, columns = 1, rows = 1, index = 0 } = part ?? {};
  useLayoutEffect(() => {
    if (url === undefined) return;
    let isWanted = true;
    let forget: () => void = () => undefined;
    const draw = (image: HTMLImageElement) => {
      if (!isWanted) return;
      forget = drawings.draw(() => {
        drawPart(canvas.current!, image, { url, columns, rows, index });
        canvas.current!.dataset['drawn'] = url;
        setShown('drawn');
      });
    };
    const ready = pictures.ready(url);
    if (ready) draw(ready);
    else pictures.get(url).then(draw, () => isWanted && setShown('lost'));
    return () => {
      isWanted = false;
      forget();
    };
  }, [canvas, url, columns, rows, index, tries]);
  useEffect(() => {
    if (shown !== 'lost') return;
    return onConnection((connected) => connected && setTries((before) => before + 1));
  }, [shown]);
  return shown;
}

function drawPart(canvas: HTMLCanvasElement, image: HTMLImageElement, { columns, rows, index }: PicturePart): void {
  const width = image.naturalWidth / columns;
  const height = image.naturalHeight / rows;
  // Setting a size empties a canvas.
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext('2d')!;
  const [left, top] = [(index % columns) * width, Math.floor(index / columns) * height];
  context.clearRect(0, 0, width, height);
  context.drawImage(image, left, top, width, height, 0, 0, width, height);
  canvas.classList.toggle('fine', width >= FINE);
}
