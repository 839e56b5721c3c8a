import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, it } from 'vitest';
import type { LabelBackbonePlugin, TokenizerPlugin } from '@tessera/core';
import { lineBackbone } from '../../fixtures/line-backbone.ts';
import { pixelTokenizer } from '../../fixtures/pixel-tokenizer.ts';
import { saysOf } from '../../fixtures/said.ts';
import { cases } from './index.ts';

/* As broken-heads.test.ts, for parts that say that they serve other sizes of pictures. */

beforeAll(() => tf.setBackend('cpu'));

const line = lineBackbone as LabelBackbonePlugin;
const pixels = pixelTokenizer as TokenizerPlugin;
const anySize: LabelBackbonePlugin = {
  ...line,
  describe: (config) => ({ ...line.describe(config), anySize: true }),
};
const own = { height: 2, width: 2 };
const deafTo = (bounds: object): TokenizerPlugin => ({
  ...pixels,
  sized: { bounds: () => ({ own, step: 1, least: 1, most: 4, ...bounds }), config: (config) => config },
});

const broken: readonly [string, RegExp, LabelBackbonePlugin | TokenizerPlugin][] = [
  [
    'a weight of another shape',
    /for another size it asks for places \[18\], which was \[9\]/,
    {
      ...anySize,
      build: (config, dims, context) => {
        context.weights.param('places', [dims.layout.length], { init: { kind: 'zeros' }, decay: false });
        return line.build(config, dims, context);
      },
    },
  ],
  [
    'other states because dims.trained is there',
    /apart.* where dims.trained is its own layout/,
    {
      ...anySize,
      build: (config, dims, context) => {
        const built = line.build(config, dims, context);
        if (!dims.trained) return built;
        return { ...built, openRollout: (rows, ...rest) => built.openRollout(rows.toReversed(), ...rest) };
      },
    },
  ],
  ['a size that is ignored', /pictures of 2x2 where 3x2 was asked for, for pictures of 3x2/, deafTo({})],
  ['bounds of another size', /own = 4x2 beside pictures of 2x2/, deafTo({ own: { height: 2, width: 4 } })],
  ['bounds that are no sizes', /no more than most/, deafTo({ least: 0 })],
];

it('is not asked of parts that serve one size', () => {
  expect(cases(line).filter(({ property }) => property === 'sizes')).toEqual([]);
});

it.each(broken)('finds %s', async (_, words, plugin) => {
  expect(await saysOf(plugin, 'sizes', { targets: ['eager'] })).toMatch(words);
});
