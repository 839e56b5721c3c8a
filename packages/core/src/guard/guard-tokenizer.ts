import type { Canvas, Pixels, Reads, Tokenizer } from '../contracts.ts';
import { checkTensor, tensorsOf } from './check-tensor.ts';
import { awaitPart, callPart, checkMembers, present, wrongShape, type PartCall } from './part-call.ts';

/** A tokenizer whose errors and shapes name it. @throws TesseraError `part-shape` where it is not a whole tokenizer */
export function guardTokenizer(tokenizer: Tokenizer, name: string): Tokenizer {
  const { space, layout, serves, image } = tokenizer ?? {};
  const facts = ['space', 'layout', 'serves', 'image'];
  checkMembers({ name, call: 'build()' }, tokenizer, [...facts, 'encode', 'draw', 'keepMask', 'openCanvas', 'dispose']);
  const tokens = [null, null, space.channels];
  return present<Tokenizer>({
    ...{ space, layout, serves, image },
    encode: async (image_BHWC) => {
      const part = { name, call: 'encode()' };
      const encoding = await awaitPart(part, () => tokenizer.encode(image_BHWC));
      const { index_BL, moments } = encoding ?? {};
      const shape = [image_BHWC.shape[0], layout.length];
      if (index_BL) checkTensor(part, index_BL, { field: 'index_BL', shape, dtype: 'int32' });
      else if (!moments) throw wrongShape(part, 'neither index_BL nor moments', 'one of them');
      return encoding;
    },
    draw: (encoding, rng) => {
      const part = { name, call: 'draw()' };
      const drawn = callPart(part, () => tokenizer.draw(encoding, rng));
      checkTensor(part, drawn?.values_BlC, { field: 'values_BlC', shape: tokens });
      return drawn;
    },
    estimates:
      tokenizer.estimates &&
      ((values_BLC) => {
        const part = { name, call: 'estimates()' };
        const estimates_BlC = callPart(part, () => tokenizer.estimates!(values_BLC));
        checkTensor(part, estimates_BlC, { field: 'the estimates', shape: tokens });
        return estimates_BlC;
      }),
    keepMask: (mask) => callPart({ name, call: 'keepMask()' }, () => tokenizer.keepMask(mask)),
    openCanvas: (rows, kept, reads) => {
      const part = { name, call: 'openCanvas()' };
      const canvas = callPart(part, () => tokenizer.openCanvas(rows, kept, reads));
      checkMembers(part, canvas, ['read', 'write', 'preview', 'render', 'dispose']);
      return guardCanvas(canvas, { name, reads, rows: rows.length, image });
    },
    dispose: () => tokenizer.dispose(),
  });
}

interface CanvasGuard {
  readonly name: string;
  readonly reads: Reads;
  readonly rows: number;
  readonly image: Tokenizer['image'];
}

function guardCanvas(canvas: Canvas, { name, reads, rows, image }: CanvasGuard): Canvas {
  const calls = (call: string): PartCall => ({ name, call: `canvas.${call}()` });
  return present<Canvas>({
    read: async (step) => {
      const context = await awaitPart(calls('read'), () => canvas.read(step));
      if (context?.reads === reads) return context;
      for (const tensor of tensorsOf(context)) tensor.dispose();
      throw wrongShape(calls('read'), `a context of reads '${context?.reads}'`, `'${reads}', what it was opened for`);
    },
    write: (step, tokens) => awaitPart(calls('write'), () => canvas.write(step, tokens)),
    preview: async (kind) => {
      const pictures = await awaitPart(calls('preview'), () => canvas.preview(kind));
      if (pictures && pictures.length !== rows) {
        throw wrongShape(calls('preview'), `${pictures.length} pictures`, `${rows}, one a row`);
      }
      return pictures;
    },
    render: async (row) => {
      const pixels = await awaitPart(calls('render'), () => canvas.render(row));
      checkPixels(calls('render'), pixels, image);
      return pixels;
    },
    dispose: () => canvas.dispose(),
  });
}

function checkPixels(part: PartCall, pixels: Pixels, { height, width, channels }: Tokenizer['image']): void {
  const size = height * width * channels;
  const { data } = pixels ?? {};
  const same = pixels?.height === height && pixels.width === width && pixels.channels === channels;
  if (same && data?.length === size) return;
  const got = `a picture of ${pixels?.height} x ${pixels?.width} x ${pixels?.channels} with ${data?.length} numbers`;
  throw wrongShape(part, got, `${height} x ${width} x ${channels}`);
}
