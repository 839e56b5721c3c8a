import * as tf from '@tensorflow/tfjs';
import type { Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import { pixelsOf, TokenCanvas, type Layout, type TokenizerPlugin } from '@tessera/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { saysOf } from '../../fixtures/said.ts';
import { defineTokenizer, schema } from '../index.ts';
import { cases, type CasesOptions, type Property } from './index.ts';

/* As broken-tokenizers.test.ts, for pictures that do not come back: their range, their contrast, their colours, their scale. */

beforeAll(() => tf.setBackend('cpu'));

const quick: CasesOptions = { targets: ['eager'] };
const { integer, number, object, optional } = schema;
const layout: Layout = { length: 4, scales: [{ start: 0, height: 2, width: 2 }] };

interface Fault {
  /** Of pixels before they are shown. */
  readonly clip?: boolean;
  /** Factor on what is shown, around middle grey. */
  readonly contrast?: number;
  /** Shows the colours of a pixel in the reverse order. */
  readonly reversed?: boolean;
  /** Decoding does not divide by the scale. */
  readonly unscaled?: boolean;
  /** A weight that is added while encoding and taken away again: then no picture is known to the kit. */
  readonly learnt?: boolean;
}

/** A pixel of one or more colours is a token, scaled. */
function pixelsWith({ clip = true, contrast = 1, reversed = false, unscaled = false, learnt = false }: Fault = {}) {
  return defineTokenizer({
    contract: 1,
    name: '@test/pixels',
    config: object({
      channels: optional(integer({ min: 1, max: 4 }), 1),
      scale: optional(number({ min: 0.01, max: 10 }), 1),
    }),
    describe: ({ channels }) => ({ space: { kind: 'continuous', channels }, layout, serves: ['known'] }),
    build: ({ channels, scale }, { weights }) => {
      const shift = learnt ? weights.param('shift', [1], { init: { kind: 'zeros' }, decay: false }) : tf.scalar(0);
      const show = (values: Tensor3D): Tensor4D => {
        const plain = tf.sub(unscaled ? values : tf.div(values, scale), shift);
        const pixels = tf.add(tf.mul(tf.sub(plain, 0.5), contrast), 0.5);
        const turned = reversed ? tf.reverse(pixels, 2) : pixels;
        return tf.reshape(clip ? tf.clipByValue(turned, 0, 1) : turned, [-1, 2, 2, channels]);
      };
      const parts = {
        ...{ who: 'pixels', layout, channels },
        decode: async (values: Tensor3D) => (await pixelsOf(tf.tidy(() => show(values))))[0]!,
        preview: async () => [],
      };
      return {
        ...{ space: { kind: 'continuous', channels }, layout, serves: ['known'] },
        image: { height: 2, width: 2, channels },
        encode: async (image) => ({ moments: tf.tidy(() => tf.mul(tf.add(image, shift), scale)) }),
        draw: ({ moments }) => ({ values_BlC: tf.reshape(moments!, [-1, 4, channels]) as Tensor3D }),
        keepMask: (mask) => mask.slice(),
        openCanvas: (rows, kept, reads) => new TokenCanvas(parts, { batch: rows.length, kept, reads }),
        dispose: () => void (learnt || shift.dispose()),
      };
    },
  }) as TokenizerPlugin;
}

describe.each([
  ['without weights', {}],
  ['with a weight', { learnt: true }],
])('a sound tokenizer %s passes', (_, fault) => {
  for (const { name, run } of cases(pixelsWith(fault), quick)) it(name, run);
});

it.each<readonly [string, Property, RegExp, Fault]>([
  ['pixels beyond white', 'shapes', /of tokens that are ten times as large .*: cut them at 0 and 1/, { clip: false }],
  ['half of the contrast', 'pictures', /tokens that are \d+% others: decoding is not the inverse/, { contrast: 0.5 }],
  ['colours in the reverse order', 'configs', /, with channels = 3/, { reversed: true }],
  [
    'a scale that stays',
    'configs',
    /does not undo the scale of encoding, with scale/,
    { unscaled: true, learnt: true },
  ],
])('finds %s (%s)', async (_, property, words, fault) => {
  expect(await saysOf(pixelsWith(fault), property, quick)).toMatch(words);
});
