import type { Scale, Tokenizer } from '@tessera/core';
import { checkTokenizerFacts } from './check-facts.ts';
import { checkTensor } from './check-tensor.ts';
import { guardCanvas } from './guard-canvas.ts';
import { lentKept } from './lent.ts';
import { awaitPart, callPart, checkMembers, present, wrongShape } from './part-call.ts';
import { Patience, type Report } from './patience.ts';

/** A tokenizer whose errors and answers name it. @throws TesseraError `part-shape` where it is not a whole tokenizer */
export function guardTokenizer(tokenizer: Tokenizer, name: string, report?: Report): Tokenizer {
  const patience = new Patience(report);
  const { space, layout, serves, image } = tokenizer ?? {};
  const facts = ['space', 'layout', 'serves', 'image'];
  const built = { name, call: 'build()' };
  checkMembers(built, tokenizer, [...facts, 'encode', 'draw', 'keepMask', 'openCanvas', 'dispose']);
  checkTokenizerFacts(built, tokenizer);
  if (serves.includes('estimate')) checkMembers(built, tokenizer, ['estimates']);
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
