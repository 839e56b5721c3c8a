import { useEffect, useRef, useState } from 'react';
import { fetchPicture, type Generation, type Model } from '../api/operations.ts';
import { cutPicture } from '../mask/compose.ts';
import { frameOf, freedTokens } from '../mask/frame.ts';
import { givenEdit } from '../mask/given-edit.ts';
import { redrawn } from '../mask/mask.ts';
import { fromRuns } from '../mask/runs.ts';
import { saidOf } from '../runs/explain.ts';
import { coloursOf, drawStage, type Scene } from './draw.ts';
import './edited-from.css';

interface EditedFromProps {
  readonly edit: NonNullable<Generation['edit']>;
  readonly model: Model;
}

/** Of the longer side, in CSS pixels. */
const SIDE = 112;

/** Beside the result of an edit: the picture before, and on it what was drawn again. */
export function EditedFrom({ edit, model }: EditedFromProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [said, setSaid] = useState<string | null>(null);
  const { width, height } = sizeOf(model);
  useEffect(() => {
    let isWanted = true;
    sceneOf(edit, model).then(
      (scene) => isWanted && draw(canvas.current!, scene, sizeOf(model)),
      (error: Error) => isWanted && setSaid(saidOf(error)),
    );
    return () => {
      isWanted = false;
    };
  }, [edit, model]);
  return (
    <figure className="edited-from">
      <canvas
        ref={canvas}
        role="img"
        aria-label="The picture before, hatched where it was drawn again"
        style={{ width, height }}
        hidden={said !== null}
      />
      <figcaption className="hint">
        {said === null
          ? 'This is an edit of the picture here. What is hatched was drawn again; every other pixel stayed as it was.'
          : `This is an edit. The picture before cannot be shown: ${said}`}
      </figcaption>
    </figure>
  );
}

async function sceneOf(edit: EditedFromProps['edit'], model: Model): Promise<Scene> {
  const frame = frameOf(model);
  const given = await givenEdit(edit, model);
  const bitmap = await createImageBitmap(new Blob([new Uint8Array(await fetchPicture(edit.image.url))]));
  const cut = cutPicture(bitmap, given.place, frame);
  bitmap.close();
  const mask = redrawn({ mask: fromRuns(given, frame), place: given.place }, cut.unknown);
  return { cut, mask, freed: freedTokens(mask, frame), frame, cursor: null, line: null, brush: null };
}

function sizeOf({ image: { width, height } }: Model): { readonly width: number; readonly height: number } {
  const scale = SIDE / Math.max(width, height);
  return { width: width * scale, height: height * scale };
}

function draw(canvas: HTMLCanvasElement, scene: Scene, { width, height }: ReturnType<typeof sizeOf>): void {
  const dots = window.devicePixelRatio;
  canvas.width = Math.round(width * dots);
  canvas.height = Math.round(height * dots);
  const context = canvas.getContext('2d')!;
  context.scale(dots, dots);
  const laid = { left: 0, top: 0, scale: width / scene.frame.width };
  drawStage(context, scene, { laid, colours: coloursOf(canvas) });
  canvas.dataset['drawn'] = 'true';
}
