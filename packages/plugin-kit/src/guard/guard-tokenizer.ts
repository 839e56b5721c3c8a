import {
  scaleAt,
  type Canvas,
  type Context,
  type Pixels,
  type Reads,
  type Scale,
  type Step,
  type Tokenizer,
} from '@tessera/core';
import { checkTokenizerFacts } from './facts.ts';
import {
  awaitPart,
  callPart,
  checkMembers,
  Patience,
  present,
  wrongShape,
  type PartCall,
  type Report,
} from './part-call.ts';
import { checkTensor, lentKept, lentStep } from './part-values.ts';

/** A tokenizer whose errors and answers name it. @throws TesseraError `part-shape` where it is not a whole tokenizer */
export function guardTokenizer(tokenizer: Tokenizer, name: string, report?: Report): Tokenizer {
  const patience = new Patience(report);
  const { space, layout, serves, image } = tokenizer ?? {};
  const facts = ['space', 'layout', 'serves', 'image'];
  const built = { name, call: 'build()' };
  checkMembers(built, tokenizer, [...facts, 'encode', 'draw', 'keepMask', 'openCanvas', 'dispose']);
  checkTokenizerFacts(built, tokenizer);
  if (space.kind === 'factors') {
    for (const [f, { levels, channels }] of space.factors.entries())
      checkTensor(built, space.codebooks?.[f], { field: `space.codebooks[${f}]`, shape: [levels, channels] });
  }
  if (serves.includes('estimate') || serves.includes('scale')) checkMembers(built, tokenizer, ['estimates']);
  const [{ height, width }] = layout.scales as [Scale];
  return present<Tokenizer>({
    ...{ space, layout, serves, image },
    encode: (image_BHWC) => {
      const part = { name, call: 'encode()', lent: [image_BHWC], patience };
      const shape = [image_BHWC.shape[0], layout.length];
      return awaitPart(
        part,
        () => tokenizer.encode(image_BHWC),
        (encoding) => {
          const { index_BL, moments } = encoding ?? {};
          if (index_BL) checkTensor(part, index_BL, { field: 'index_BL', shape, dtype: 'int32' });
          else if (!moments) throw wrongShape(part, 'neither index_BL nor moments', 'one of them');
        },
      );
    },
    draw: (encoding, rng) => {
      const part = { name, call: 'draw()', lent: [encoding] };
      const drawn = callPart(part, () => tokenizer.draw(encoding, rng));
      const { values_BlC, index_Bl } = drawn ?? {};
      const shape = [(encoding.index_BL ?? encoding.moments)?.shape[0] ?? null, layout.length];
      checkTensor(part, values_BlC, { field: 'values_BlC', shape: [...shape, space.channels] });
      if (index_Bl) checkTensor(part, index_Bl, { field: 'index_Bl', shape, dtype: 'int32' });
      return drawn;
    },
    estimates:
      tokenizer.estimates &&
      ((values_BLC) => {
        const part = { name, call: 'estimates()', lent: [values_BLC] };
        const estimates_BlC = callPart(part, () => tokenizer.estimates!(values_BLC));
        const [B, L, C] = values_BLC.shape;
        checkTensor(part, estimates_BlC, { field: 'the estimates', shape: [B, L - height * width, C] });
        return estimates_BlC;
      }),
    keepMask: (mask) => {
      const part = { name, call: 'keepMask()' };
      const keep_L = callPart(part, () => tokenizer.keepMask(mask.slice()));
      if (keep_L instanceof Uint8Array && keep_L.length === layout.length) return keep_L;
      throw wrongShape(part, `a mask of ${keep_L?.length}`, `a Uint8Array of ${layout.length}, one a token`);
    },
    openCanvas: (rows, kept, reads) => {
      const part = { name, call: 'openCanvas()', lent: [kept] };
      const canvas = callPart(part, () => tokenizer.openCanvas(rows, lentKept(kept), reads));
      checkMembers(part, canvas, ['read', 'write', 'preview', 'render', 'dispose']);
      return guardCanvas(canvas, { name, reads, rows: rows.length, space, layout, image, patience });
    },
    dispose: () => callPart({ name, call: 'dispose()' }, () => tokenizer.dispose()),
  });
}

interface CanvasGuard extends Pick<Tokenizer, 'space' | 'layout' | 'image'> {
  readonly name: string;
  readonly reads: Reads;
  readonly rows: number;
  readonly patience: Patience;
}

/** A canvas whose errors and answers name its tokenizer. */
function guardCanvas(canvas: Canvas, guard: CanvasGuard): Canvas {
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
    forget: canvas.forget && ((positions_Ba) => awaitPart(calls('forget'), () => canvas.forget!(positions_Ba.slice()))),
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
  } else if (context.reads === 'scale') {
    const { start, height, width } = layout.scales[scaleAt(layout, step.positions_Bl[0]!)]!;
    shaped('values_BnC', [rows, height * width, space.channels]);
    shaped('known_Bn', [rows, height * width]);
    if (start > 0) shaped('estimate_BnC', [rows, height * width, space.channels]);
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
