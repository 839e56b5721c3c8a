import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { codeTokenizer } from '../../fixtures/code-tokenizer.ts';
import { pixelTokenizer } from '../../fixtures/pixel-tokenizer.ts';
import {
  canvasOf,
  canvasOfNeighbours,
  canvasWith,
  changed,
  codes,
  drawing,
  encoding,
  foreseeing,
  noisy,
  tokenizerWith,
} from '../../fixtures/faulty-tokenizers.ts';
import { saysOf } from '../../fixtures/said.ts';
import type { TokenizerPlugin } from '@tessera/core';
import { cases, type Property } from './index.ts';

/* As broken-heads.test.ts, for tokenizers. */

beforeAll(() => tf.setBackend('cpu'));

describe.each([
  ['of values', pixelTokenizer],
  ['of codes', codeTokenizer],
] as const)('the smallest tokenizer %s passes', (_, plugin) => {
  for (const { name, run } of cases(plugin as TokenizerPlugin)) it(name, run);
});

const side = 4;

let calls = 0;
const left: tf.Tensor[] = [];
const disposeOnce = () => {
  let gone = false;
  return {
    dispose: () => {
      if (gone) throw new Error('disposed twice');
      gone = true;
    },
  };
};

const broken: readonly [string, Property, RegExp, TokenizerPlugin][] = [
  [
    'other facts than described',
    'shapes',
    /got continuous .*, serves 'known', 'last' \(due: continuous .*, serves 'last', as it describes itself\) on eager/,
    { ...pixelTokenizer, describe: () => ({ ...pixelTokenizer.describe({}), serves: ['last'] }) },
  ],
  [
    'a memory of calls',
    'determinism',
    /apart/,
    tokenizerWith(({ draw }) => ({ draw: (...given) => ({ values_BlC: tf.add(draw(...given).values_BlC, ++calls) }) })),
  ],
  [
    'pictures that mix',
    'batch',
    /apart/,
    tokenizerWith(({ encode }) => ({
      encode: async (image) => {
        const { moments } = await encode(image);
        const mixed = tf.tidy(() => tf.add(moments!, tf.sum(moments!)));
        moments!.dispose();
        return { moments: mixed };
      },
    })),
  ],
  ['estimates that look ahead', 'causality', /tokens to come/, foreseeing],
  [
    'kept tokens ignored',
    'kept',
    /from those of 4 kept tokens of 4, read by 'known'/,
    tokenizerWith(({ openCanvas }) => ({ openCanvas: (rows, _, reads) => openCanvas(rows, null, reads) })),
  ],
  [
    'tensors left behind',
    'leaks',
    /1 tensors after one picture/,
    tokenizerWith(({ encode }) => ({
      encode: (image) => {
        left.push(tf.zeros([1]));
        return encode(image);
      },
    })),
  ],
  ['a second dispose that throws', 'dispose', /twice/, tokenizerWith(disposeOnce)],
  [
    'an index shifted against the code',
    'codes',
    /codebook at their indices/,
    drawing(({ index_Bl }) => ({ index_Bl: tf.cast(tf.mod(tf.add(index_Bl, 1), 8), 'int32') })),
  ],
  [
    'values that are no entry',
    'codes',
    /codebook at their indices/,
    drawing(({ values_BlC }) => ({ values_BlC: tf.mul(values_BlC, 1.1) })),
  ],
  [
    'an index beyond the vocabulary',
    'codes',
    /the index \d+ of a vocabulary of 8/,
    drawing(({ index_Bl }) => ({ index_Bl: tf.cast(tf.add(index_Bl, 8), 'int32') })),
  ],
  [
    'an index below zero',
    'codes',
    /the index -\d of a vocabulary of 8/,
    drawing(({ index_Bl }) => ({ index_Bl: tf.cast(tf.sub(index_Bl, 8), 'int32') })),
  ],
  ['codes of others throughout', 'pictures', /in the place of that in row/, encoding((all) => tf.sub(1, all))],
  [
    'pictures upside down',
    'orientation',
    /tokens at the bottom left that answer to the top left/,
    encoding((all) => tf.reverse(all, 1)),
  ],
  [
    'pictures mirrored',
    'orientation',
    /tokens at the top right that answer to the top left/,
    encoding((all) => tf.reverse(all, 2)),
  ],
  [
    'rows taken for columns',
    'orientation',
    /answer to the top right/,
    encoding((all) => tf.transpose(all, [0, 2, 1, 3])),
  ],
  [
    'tokens upside down, in pictures too',
    'orientation',
    /tokens at the bottom left/,
    changed(
      encoding((all) => tf.reverse(all, 1)),
      ({ openCanvas }) => ({
        openCanvas: (...given) => {
          const canvas = openCanvas(...given);
          const turned = async (row: number) => {
            const { data, ...size } = await canvas.render(row);
            return { ...size, data: data.map((_, i) => data[(side - 1 - Math.floor(i / side)) * side + (i % side)]!) };
          };
          return { ...canvasOf(canvas), render: turned, preview: async () => null };
        },
      }),
    ),
  ],
  [
    'pixels mirrored',
    'orientation',
    /pixels at the top right that answer to tokens at the top left/,
    canvasWith(({ render }) => ({
      render: async (row) => {
        const { data, ...size } = await render(row);
        return { ...size, data: data.map((_, i) => data[i - (i % side) + side - 1 - (i % side)]!) };
      },
      preview: async () => null,
    })),
  ],
  [
    "the neighbour's picture",
    'pictures',
    /in row 0 shown in the place|the picture in row \d shown in the place/,
    canvasOfNeighbours(),
  ],
  [
    "the neighbour's tokens",
    'batch',
    /apart/,
    encoding((all) =>
      tf.concat(
        [
          tf.slice(all, [all.shape[0] - 1, 0, 0, 0], [1, -1, -1, -1]),
          tf.slice(all, [0, 0, 0, 0], [all.shape[0] - 1, -1, -1, -1]),
        ],
        0,
      ),
    ),
  ],
  ['one picture for all', 'pictures', /the same tokens for different pictures/, encoding((all) => tf.onesLike(all))],
  [
    'one rendering for all',
    'pictures',
    /the same pixels for different tokens/,
    canvasWith(({ render }) => ({
      render: async (row) => {
        const { data, ...size } = await render(row);
        return { ...size, data: data.map(() => 0.5) };
      },
      preview: async () => null,
    })),
  ],
  [
    'another picture as preview',
    'determinism',
    /a decoded preview of row 0/,
    canvasWith(({ preview }) => ({
      preview: async (kind) =>
        (await preview(kind))!.map(({ data, ...size }) => ({ ...size, data: data.map((one) => 1 - one) })),
    })),
  ],
  [
    'a mask that keeps all',
    'mask',
    /as 1 under a mask that says 0/,
    changed(codes, () => ({ keepMask: (mask) => mask.map(() => 1) })),
  ],
  [
    'a mask that keeps nothing',
    'mask',
    /a token that goes though the mask keeps all/,
    changed(codes, () => ({ keepMask: (mask) => mask.map(() => 0) })),
  ],
  [
    'a mask that means the opposite',
    'mask',
    /though the mask keeps all/,
    changed(codes, () => ({ keepMask: (mask) => mask.map((keep) => 1 - keep) })),
  ],
  [
    'a mask upside down',
    'mask',
    /as \d under a mask that says \d/,
    changed(codes, () => ({ keepMask: (mask) => mask.slice().reverse() })),
  ],
  [
    'kept tokens at other places',
    'kept',
    /from those of \d+ kept tokens/,
    changed(codes, ({ openCanvas }) => ({
      openCanvas: (rows, kept, reads) =>
        openCanvas(rows, kept && { ...kept, keep_L: kept.keep_L.slice().reverse() }, reads),
    })),
  ],
  [
    'known tokens unmarked',
    'reads',
    /known tokens, and those written and kept/,
    canvasWith(({ read }) => ({
      read: async (step) => {
        const context = await read(step);
        return context.reads === 'known' ? { ...context, known_BL: tf.zerosLike(context.known_BL) } : context;
      },
    })),
  ],
  [
    'values of other rows to read',
    'reads',
    /values of known tokens/,
    canvasWith(({ read }) => ({
      read: async (step) => {
        const context = await read(step);
        return context.reads === 'known' ? { ...context, values_BLC: tf.reverse(context.values_BLC, 0) } : context;
      },
    })),
  ],
  [
    'the same token to read again',
    'reads',
    /read by 'last'/,
    canvasWith(({ read }) => ({
      read: async (step) => {
        const context = await read(step);
        return context.reads === 'last' && context.values_BlC
          ? { ...context, values_BlC: tf.zerosLike(context.values_BlC) }
          : context;
      },
    })),
  ],
  [
    'one noise for all rows',
    'chance',
    /rows/,
    noisy(([rows, ...rest]) => tf.tile(tf.randomNormal([1, ...rest], 0, 1, 'float32', 3), [rows!, 1, 1])),
  ],
  [
    'one noise for all positions',
    'chance',
    /positions/,
    noisy(([rows, L, C]) => tf.tile(tf.randomNormal([rows!, 1, C!], 0, 1, 'float32', 3), [1, L!, 1])),
  ],
  ['noise of no seed', 'determinism', /apart/, noisy((shape) => tf.randomNormal([...shape]))],
];

it.each(broken)('finds %s (%s)', async (_, property, words, plugin) => {
  const said = await saysOf(plugin, property, { targets: ['eager'] });
  expect(said).toMatch(words);
  expect(said).toContain('part-conformance');
  expect(said).toContain(`(property ${property})`);
});
