import { isTesseraError } from '@tessera/errors';
import { describe, expect, it } from 'vitest';
import { checkParts, factsAtSize, type Parts } from './compose.ts';
import { layoutOf, scaleSizes } from './picture-size.ts';
import type { PictureSize } from './tokens.ts';
import { echoBackbone, shadesTokenizer, smallParts } from './testing/small-composition.ts';

const own = { height: 2, width: 2 };
const sidesOf = (parts: Parts, size: PictureSize) =>
  factsAtSize(parts, checkParts(parts), { size, who: 'small' }).layout.scales.map(
    ({ height, width }) => `${height}x${width}`,
  );

function refusal(parts: Parts, size: PictureSize): { code: string; message: string } {
  try {
    sidesOf(parts, size);
  } catch (error) {
    if (isTesseraError(error)) return error;
    throw error;
  }
  throw new Error('was accepted');
}

/** Its maps are as large as the picture. */
let configured: PictureSize = own;
const sizedTokenizer: typeof shadesTokenizer = {
  ...shadesTokenizer,
  sized: {
    bounds: () => ({ own, step: 2, least: 2, most: 8 }),
    config: (config, size) => ((configured = size), config),
  },
  describe: (config) => ({ ...shadesTokenizer.describe(config), layout: layoutOf(scaleSizes([1, 2], configured)) }),
};
const placeless: typeof echoBackbone = {
  ...echoBackbone,
  describe: (config) => ({ ...echoBackbone.describe(config), anySize: true }),
};
const sized: Parts = {
  ...smallParts,
  tokenizer: { plugin: sizedTokenizer, config: {} },
  backbone: { plugin: placeless, config: {} },
};

describe('sizes of pictures', () => {
  it('are served where tokenizer and backbone serve them, and the trained layout is told', () => {
    configured = own;
    const facts = checkParts(sized);
    const at = factsAtSize(sized, facts, { size: { height: 4, width: 8 }, who: 'small' });
    expect(at.layout.scales.map(({ height, width }) => [height, width])).toEqual([
      [1, 1],
      [4, 8],
    ]);
    expect(at.trained).toEqual(facts.layout);
    expect(factsAtSize(sized, facts, { size: own, who: 'small' })).toBe(facts);
  });

  it('are refused in a sentence that says who, what and what is allowed', () => {
    configured = own;
    expect(refusal(sized, { height: 3, width: 10 })).toMatchObject({
      code: 'size-unsupported',
      message: expect.stringContaining(
        '[small] got the size 10x3; expected a width and a height from 2 to 8 pixels, each a multiple of 2. Choose such a size, or leave it out for 2x2.',
      ),
    });
    const message = (parts: Parts) => refusal(parts, { height: 4, width: 4 }).message;
    expect(message(smallParts)).toContain('no size: the tokenizer shades makes pictures of one size');
    expect(message({ ...sized, backbone: smallParts.backbone })).toContain(
      'the backbone echo knows the places of one size',
    );
  });

  it('keep the number of scales', () => {
    configured = own;
    const describe: typeof sizedTokenizer.describe = (config) => {
      const { layout, ...facts } = sizedTokenizer.describe(config);
      return { ...facts, layout: configured === own ? layout : layoutOf(scaleSizes([1, 2, 4], configured)) };
    };
    const parts = { ...sized, tokenizer: { plugin: { ...sizedTokenizer, describe }, config: {} } };
    expect(refusal(parts, { height: 4, width: 4 })).toMatchObject({
      code: 'part-misdescribed',
      message: expect.stringContaining('[shades] got 3 scales for the size 4x4; expected 2'),
    });
  });

  it('have scales in proportion, the first of one token still of one', () => {
    expect(scaleSizes([1, 2, 3, 4], { height: 4, width: 6 })).toEqual([
      { height: 1, width: 1 },
      { height: 2, width: 3 },
      { height: 3, width: 5 },
      { height: 4, width: 6 },
    ]);
    expect(layoutOf(scaleSizes([2], { height: 1, width: 3 }))).toEqual({
      length: 3,
      scales: [{ start: 0, height: 1, width: 3 }],
    });
  });
});
