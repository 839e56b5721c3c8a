import { createRoot } from 'react-dom/client';
import type { PicturePart } from './picture-part.ts';
import { StepPicture } from './step-picture.tsx';

/* The page of step-picture.test.ts: it shows what the test says. */

interface Shown {
  readonly parts: readonly (PicturePart | null)[];
  readonly width: number;
}

const root = createRoot(document.body.appendChild(document.createElement('div')));

function show({ parts, width }: Shown): void {
  root.render(
    <div style={{ width: 100 }}>
      {parts.map((part, image) => (
        <StepPicture key={image} part={part} name={`image ${image}`} width={width} height={width} />
      ))}
    </div>,
  );
}

declare global {
  interface Window {
    readonly show: (shown: Shown) => void;
  }
}

Object.assign(window, { show });
