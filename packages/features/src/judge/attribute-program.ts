import type { Engine } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import type { ImageSize } from '@tessera/core';
import { tracedProgram } from '../traced-program.ts';
import type { Judge, JudgedAttribute } from './judge.ts';

/** A judge that tells attributes, compiled for images of one size. */
export interface AttributeProgram {
  readonly attributes: readonly JudgedAttribute[];
  /** `pixels` of N images in [0, 1], `[N, height, width, channels]` row-major. */
  run(pixels: Float32Array): Promise<AttributeResults>;
  dispose(): void;
}

export interface AttributeResults {
  /** The class found in each image. */
  readonly label_N: Int32Array;
  /** `[N, attributes]`: index of the most likely value of each attribute, -1 for those of other classes than the one found. */
  readonly attribute_NA: Int32Array;
}

/** @throws TesseraError `judge-without-attributes`, `features-image` */
export function attributeProgram(
  judge: Judge,
  {
    who,
    ...options
  }: { readonly who: string; readonly engine: Engine; readonly image: ImageSize; readonly batch: number },
): AttributeProgram {
  const { attributes } = judge;
  const known = judge.config.attributes;
  if (!attributes || !known) {
    const next = 'Train a judge with judge.attributes = true.';
    throw new TesseraError({
      code: 'judge-without-attributes',
      who,
      got: 'a judge of classes alone',
      expected: 'attributes',
      next,
    });
  }
  requireSide(who, { image: options.image, side: known.side, levels: judge.config.widths.length });
  const { of } = known;
  const dims = of.reduce((sum, { values }) => sum + values.length, 0);
  const program = tracedProgram(
    (image_BHWC) => ({
      features_BD: attributes(judge.maps(image_BHWC).at(-1)!),
      logits_BK: judge.classify(judge.features(image_BHWC)),
    }),
    { name: 'judge of attributes', dims, ...options },
  );
  return {
    attributes: of,
    async run(pixels) {
      const { features_ND: logits_NS, label_N } = await program.run(pixels);
      return { label_N: label_N!, attribute_NA: largestOfGroups(logits_NS, { of, label_N: label_N! }) };
    },
    dispose: () => program.dispose(),
  };
}

function requireSide(
  who: string,
  { image, side, levels }: { readonly image: ImageSize; readonly side: number; readonly levels: number },
): void {
  const size = side * 2 ** (levels - 1);
  if (image.height === size && image.width === size) return;
  throw new TesseraError({
    code: 'features-image',
    who,
    got: `images of ${image.height} x ${image.width} pixels`,
    expected: `${size} x ${size}, which its attributes were trained on`,
  });
}

/** The largest logit of each attribute of the class that was found. */
function largestOfGroups(
  logits_NS: Float32Array,
  { of, label_N }: { readonly of: readonly JudgedAttribute[]; readonly label_N: Int32Array },
): Int32Array {
  const out = new Int32Array(label_N.length * of.length).fill(-1);
  let at = 0;
  for (const [n, found] of label_N.entries()) {
    for (const [a, { values, label }] of of.entries()) {
      const logits = logits_NS.subarray(at, at + values.length);
      if (label === found) out[n * of.length + a] = logits.indexOf(Math.max(...logits));
      at += values.length;
    }
  }
  return out;
}
