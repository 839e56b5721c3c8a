import * as tf from '@tensorflow/tfjs';
import type { ParamSpec, Weights } from '@tessera/core';
import { marInventory } from '@tessera/goldens';
import { describe, expect, it } from 'vitest';
import { denoiserParams, type DenoiserDims } from './denoiser-params.ts';

function ask(dims: DenoiserDims): Map<string, { shape: readonly number[]; spec: ParamSpec }> {
  const asked = new Map<string, { shape: readonly number[]; spec: ParamSpec }>();
  const nothing = tf.scalar(0);
  const weights: Weights = {
    has: () => true,
    param: (name, shape, spec) => {
      expect(asked.has(name)).toBe(false);
      asked.set(name, { shape, spec });
      return nothing;
    },
  };
  denoiserParams(dims, weights);
  nothing.dispose();
  return asked;
}

describe('denoiserParams', () => {
  it.each([
    ['mar_base', { blocks: 6, width: 1024, condition: 768 }],
    ['mar_large', { blocks: 8, width: 1280, condition: 1024 }],
    ['mar_huge', { blocks: 12, width: 1536, condition: 1280 }],
  ])('asks for what %s holds', (name, dims) => {
    const entries = Object.entries(marInventory()[name]!.entries).filter(([key]) => key.startsWith('diffloss.'));
    const official = Object.fromEntries(entries.map(([key, [, shape]]) => [key, shape]));
    const asked = ask({ ...dims, channels: 16 });
    expect(Object.fromEntries([...asked].map(([key, { shape }]) => [key, shape]))).toEqual(official);
  });

  it('starts so that a fresh denoiser predicts 0, and lets nothing decay', () => {
    const asked = ask({ blocks: 2, width: 64, channels: 4, condition: 32 });
    const init = (name: string) => asked.get(`diffloss.net.${name}`)!.spec.init;
    for (const layer of ['res_blocks.1.adaLN_modulation.1', 'final_layer.adaLN_modulation.1', 'final_layer.linear']) {
      expect([init(`${layer}.weight`), init(`${layer}.bias`)]).toEqual([{ kind: 'zeros' }, { kind: 'zeros' }]);
    }
    expect(init('res_blocks.0.in_ln.weight')).toEqual({ kind: 'ones' });
    expect(init('time_embed.mlp.2.weight')).toEqual({ kind: 'normal', std: 0.02 });
    expect(init('cond_embed.weight')).toEqual({ kind: 'uniform', bound: 0.25 });
    expect([...asked.values()].some(({ spec }) => spec.decay)).toBe(false);
  });
});
