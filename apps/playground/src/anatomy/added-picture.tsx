import { useLayoutEffect, useRef, useState, type ReactNode } from 'react';
import { pictures } from '../pictures/picture-cache.ts';
import type { PicturePart } from '../pictures/picture-part.ts';
import { PictureBox, type Shown } from '../pictures/step-picture.tsx';
import { differenceOf } from './difference.ts';

interface Props {
  /** Null where nothing was there: then all was added. */
  readonly before: PicturePart | null;
  readonly after: PicturePart | null;
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly children?: ReactNode;
}

/** What came between two pictures: gray where nothing did, lighter and darker where it became so. */
export function AddedPicture({ before, after, name, width, height, children }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [shown, setShown] = useState<Shown>('waiting');
  const key = JSON.stringify([before, after]);
  useLayoutEffect(() => {
    const [from, to] = JSON.parse(key) as [PicturePart | null, PicturePart | null];
    if (!to) return;
    let isWanted = true;
    const draw = ([old, now]: readonly (HTMLImageElement | null)[]) => {
      if (!isWanted) return;
      drawDifference(canvas.current!, from && pixelsOf(old!, from), pixelsOf(now!, to));
      setShown('drawn');
    };
    const ready = [from, to].map((part) => part && pictures.ready(part.url));
    if (ready[1] && (ready[0] || !from)) draw(ready);
    else
      Promise.all([from, to].map((part) => part && pictures.get(part.url))).then(draw, () => {
        if (isWanted) setShown('lost');
      });
    return () => void (isWanted = false);
  }, [key]);
  const told = shown === 'lost' ? `${name}; the server did not send its pictures` : name;
  return (
    <PictureBox {...{ width, height, shown }} className="added">
      <canvas
        ref={canvas}
        {...(name === '' ? { 'aria-hidden': true } : { role: 'img', 'aria-label': told })}
        width={width}
        height={height}
      />
      {children}
    </PictureBox>
  );
}

function pixelsOf(image: HTMLImageElement, { columns, rows, index }: PicturePart): ImageData {
  const [width, height] = [image.naturalWidth / columns, image.naturalHeight / rows];
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
  const [left, top] = [(index % columns) * width, Math.floor(index / columns) * height];
  context.drawImage(image, left, top, width, height, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

function drawDifference(canvas: HTMLCanvasElement, from: ImageData | null, to: ImageData): void {
  const { width, height } = to;
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const isSame = from?.width === width && from.height === height;
  const data = isSame ? differenceOf(from.data, to.data) : to.data;
  canvas.getContext('2d')!.putImageData(new ImageData(new Uint8ClampedArray(data), width, height), 0, 0);
}
