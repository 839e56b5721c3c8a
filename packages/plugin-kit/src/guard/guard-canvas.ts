import type { Canvas, Context, Pixels, Reads, Step, Tokenizer } from '@tessera/core';
import { checkTensor } from './check-tensor.ts';
import { lentStep } from './lent.ts';
import { awaitPart, callPart, present, wrongShape, type PartCall } from './part-call.ts';
import type { Patience } from './patience.ts';

export interface CanvasGuard extends Pick<Tokenizer, 'space' | 'layout' | 'image'> {
  readonly name: string;
  readonly reads: Reads;
  readonly rows: number;
  readonly patience: Patience;
}

/** A canvas whose errors and answers name its tokenizer. */
export function guardCanvas(canvas: Canvas, guard: CanvasGuard): Canvas {
  const { name, patience } = guard;
  const calls = (call: string) => ({ name, call: `canvas.${call}()`, patience });
  return present<Canvas>({
    read: (step) =>
      awaitPart(
        calls('read'),
        () => canvas.read(lentStep(step)),
        (context) => checkContext(calls('read'), context, { step, guard }),
      ),
    write: (step, tokens) =>
      awaitPart({ ...calls('write'), lent: [tokens] }, () => canvas.write(lentStep(step), tokens)),
    preview: (kind) =>
      awaitPart(
        calls('preview'),
        () => canvas.preview(kind),
        (pictures) => {
          if (!pictures) return;
          const { rows } = guard;
          if (pictures.length !== rows)
            throw wrongShape(calls('preview'), `${pictures.length} pictures`, `${rows}, one a row`);
          for (const picture of pictures) checkPixels(calls('preview'), picture, picture);
        },
      ),
    render: (row) =>
      awaitPart(
        calls('render'),
        () => canvas.render(row),
        (pixels) => checkPixels(calls('render'), pixels, guard.image),
      ),
    dispose: () => callPart(calls('dispose'), () => canvas.dispose()),
  });
}

function checkContext(part: PartCall, context: Context, { step, guard }: { step: Step; guard: CanvasGuard }): void {
  const { rows, reads, layout, space } = guard;
  if (context?.reads !== reads) {
    throw wrongShape(part, `a context of reads '${context?.reads}'`, `'${reads}', what it was opened for`);
  }
  const shaped = (field: string, shape: readonly (number | null)[]) =>
    checkTensor(part, (context as unknown as Record<string, unknown>)[field], { field, shape });
  if (context.reads === 'known') {
    shaped('values_BLC', [rows, layout.length, space.channels]);
    shaped('known_BL', [rows, layout.length]);
  } else if (context.values_BlC !== null) {
    const l = reads === 'estimate' ? step.positions_Bl.length / rows : null;
    shaped('values_BlC', [rows, l, space.channels]);
  }
}

type Size = Tokenizer['image'];

function checkPixels(part: PartCall, pixels: Pixels, { height, width, channels }: Size): void {
  const size = height * width * channels;
  const { data } = pixels ?? {};
  const same = pixels?.height === height && pixels.width === width && pixels.channels === channels;
  if (same && data instanceof Float32Array && data.length === size) return;
  const got = `a picture of ${pixels?.height} x ${pixels?.width} x ${pixels?.channels} with ${data?.length} numbers`;
  throw wrongShape(part, got, `${height} x ${width} x ${channels}`);
}
