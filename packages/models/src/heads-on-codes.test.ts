import * as tf from '@tensorflow/tfjs';
import {
  classOf,
  compose,
  confidenceOrder,
  constantGuidance,
  randomSetsOrder,
  rasterOrder,
  sample,
  type BackbonePlugin,
  type HeadPlugin,
  type OrderPlugin,
  type Parts,
  type TokenizerPlugin,
} from '@tessera/core';
import { causalTransformer, maskedEncoderDecoder } from '@tessera/backbones';
import { keyedRng } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { categoricalHead } from '@tessera/head-categorical';
import { diffusionHead } from '@tessera/head-diffusion';
import { vqTokenizer } from '@tessera/tokenizer-vq';
import { describe, expect, it } from 'vitest';
import { freshWeights } from './weight-files.ts';

/** Sixteen codes of an image of 8 x 8 pixels. */
const tokenizer = {
  plugin: vqTokenizer as TokenizerPlugin,
  config: { V: 16, Cvae: 4, ch: 4, ch_mult: [1, 2], num_res_blocks: 1, in_channels: 1, patch_nums: [4], groups: 2 },
};
const trunk = { depth: 1, width: 16, heads: 2 };
const masked = {
  plugin: maskedEncoderDecoder as BackbonePlugin,
  config: { classes: 3, encoder: trunk, decoder: trunk, buffer: 2 },
};
const causal = { plugin: causalTransformer as BackbonePlugin, config: { classes: 3, ...trunk } };
const diffusion = { plugin: diffusionHead as HeadPlugin, config: { blocks: 1, width: 16 } };
const categorical = { plugin: categoricalHead as HeadPlugin, config: { initScale: 2 } };
const order = (plugin: unknown) => ({ plugin: plugin as OrderPlugin, config: {} });

interface Case {
  readonly name: string;
  readonly parts: Omit<Parts, 'tokenizer'>;
  readonly options: { readonly order: unknown; readonly head: unknown };
  /** Tokens that are written at each step. */
  readonly counts: readonly number[];
  readonly indexed: boolean;
}

const chain = { temperature: 1, respacing: 'ddim5', lateSteps: 2 };
const filter = { topK: 0, topP: 0, smooth: false };
const cases: readonly Case[] = [
  {
    name: 'their embeddings by diffusion, in random sets',
    parts: { order: order(randomSetsOrder), backbone: masked, head: diffusion },
    options: { order: { steps: 4 }, head: chain },
    counts: [2, 3, 5, 6],
    indexed: false,
  },
  {
    name: 'their embeddings by diffusion, one by one',
    parts: { order: order(rasterOrder), backbone: causal, head: diffusion },
    options: { order: {}, head: chain },
    counts: Array<number>(16).fill(1),
    indexed: false,
  },
  {
    name: 'their indices, the surest first',
    parts: { order: order(confidenceOrder), backbone: masked, head: categorical },
    options: { order: { steps: 4, choiceTemperature: 2 }, head: filter },
    counts: [2, 3, 5, 6],
    indexed: true,
  },
];

describe.each(cases)('a generator of codes draws $name', ({ parts, options, counts, indexed }) => {
  async function make(seeds: readonly number[]) {
    const engine = createEngine({ threads: 1 });
    const weights = { tokenizer: freshWeights(1), backbone: freshWeights(2), head: freshWeights(3) };
    const composition = compose({ tokenizer, ...parts }, { engine, weights });
    const rows = seeds.map((seed) => ({ seed, condition: classOf(seed % 3) }));
    const [steps, images]: [number[], Float32Array[]] = [[], []];
    const events = sample(composition, {
      rows,
      options,
      guidance: constantGuidance(2),
      kept: null,
      preview: 'none',
      rng: keyedRng(seeds),
      signal: new AbortController().signal,
      written: [],
    });
    for await (const event of events) {
      if (event.type === 'image') images.push(event.pixels.data);
      else {
        expect(event.written.index !== undefined).toBe(indexed);
        steps.push(event.step.positions_Bl.length / rows.length);
      }
    }
    for (const part of [composition.tokenizer, composition.backbone, composition.head]) part.dispose();
    for (const part of Object.values(weights)) part.dispose();
    engine.dispose();
    return { steps, images };
  }

  it('and a picture is the same alone as among three', async () => {
    const before = tf.memory().numTensors;
    const { steps, images } = await make([4, 5, 6]);
    expect(steps).toEqual(counts);
    expect(images[0]).not.toEqual(images[1]);
    expect((await make([5])).images).toEqual([images[1]]);
    expect(tf.memory().numTensors).toBe(before);
  });
});
