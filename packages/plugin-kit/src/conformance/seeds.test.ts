/** @module-tag long */
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { codeTokenizer } from '../../fixtures/code-tokenizer.ts';
import { codeHead, normalHead } from '../../fixtures/faulty-heads.ts';
import { headFaults } from '../../fixtures/head-faults.ts';
import { lineBackbone } from '../../fixtures/line-backbone.ts';
import { lineHead } from '../../fixtures/line-head.ts';
import { meanBackbone } from '../../fixtures/mean-backbone.ts';
import { pixelTokenizer } from '../../fixtures/pixel-tokenizer.ts';
import { saysOf } from '../../fixtures/said.ts';
import { confidenceOrder, nextScaleOrder, randomOrder, randomSetsOrder, rasterOrder } from '@tessera/core';
import type { AnyPlugin } from '../index.ts';
import { report, type CasesOptions } from './index.ts';

/* What the kit says depends on no lucky numbers: sound parts pass whatever is made up, and broken ones fail. */

beforeAll(() => tf.setBackend('cpu'));

const seeds = Array.from({ length: 30 }, (_, i) => 100 + i);

const sound = [
  [lineHead, { options: { noise: 0.6 } }],
  ...[normalHead(), codeHead(), pixelTokenizer, codeTokenizer, lineBackbone, meanBackbone].map((one) => [one, {}]),
  ...[nextScaleOrder, rasterOrder, randomOrder, randomSetsOrder, confidenceOrder].map((one) => [one, {}]),
] as [AnyPlugin, CasesOptions][];

describe('sound parts', () => {
  it.each(sound.map(([plugin, options]) => [plugin.name, plugin, options] as const))(
    'pass under thirty seeds: %s',
    async (_, plugin, options) => {
      for (const seed of seeds) {
        const { cases } = await report(plugin, { ...options, seed });
        expect(cases.filter(({ ok }) => !ok)).toEqual([]);
      }
    },
  );
});

describe('broken heads', () => {
  it.each(headFaults)('are found under five seeds: %s (%s)', async (_, property, _words, fault, headOf) => {
    for (const seed of seeds.slice(0, 5)) {
      expect(await saysOf(headOf(fault), property, { targets: ['onnx'], seed })).toContain(`(property ${property})`);
    }
  });
});
