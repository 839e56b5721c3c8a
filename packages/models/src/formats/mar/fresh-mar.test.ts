import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compose } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { smallMar } from '../../../fixtures/small-mar.ts';
import { freshWeights, type FreshWeights } from '../../weight-files.ts';
import { resolveParts } from '../../plugins/built-in.ts';

interface Statistics {
  readonly shape: readonly number[];
  readonly decay: boolean;
  readonly mean: number;
  readonly std: number;
  readonly largest: number;
}

function statisticsOf(values: Float32Array): Pick<Statistics, 'mean' | 'std' | 'largest'> {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const std = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  return { mean, std, largest: values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) };
}

let engine: Engine;
const weights = { tokenizer: freshWeights(1), backbone: freshWeights(2), head: freshWeights(3) };
const fresh = new Map<string, Statistics>();
beforeAll(async () => {
  engine = createEngine();
  const { tokenizer, backbone, head } = compose(resolveParts(smallMar, 'test'), { engine, weights });
  for (const { params } of [weights.backbone, weights.head] as FreshWeights[]) {
    for (const { name, variable, decay } of params) {
      const values = (await variable.data()) as Float32Array;
      fresh.set(name, { shape: variable.shape, decay: decay, ...statisticsOf(values) });
    }
  }
  for (const part of [tokenizer, backbone, head]) part.dispose();
});
afterAll(() => {
  for (const source of Object.values(weights)) source.dispose();
  engine.dispose();
});

/** Each name belongs to exactly one of these, as in the published training code. */
const kinds = {
  table: /^(class_emb\.weight|fake_latent|mask_token|(encoder|decoder|diffusion)_pos_embed_learned)$/,
  time: /^diffloss\.net\.time_embed\.mlp\.\d\.weight$/,
  silent: /^diffloss\.net\..*(adaLN_modulation\.1|final_layer\.linear)\.(weight|bias)$/,
  scale: /(norm\d?|z_proj_ln|in_ln)\.weight$/,
  matrix:
    /^(z_proj|decoder_embed|.*(qkv|attn\.proj|mlp\.fc\d)|diffloss\.net\.(cond_embed|input_proj|.*res_blocks\.\d\.mlp\.\d))\.weight$/,
  bias: /^(?!.*(adaLN|final_layer)).*\.bias$/,
} as const;

function of(kind: keyof typeof kinds): [string, Statistics][] {
  const found = [...fresh].filter(([name]) => kinds[kind].test(name));
  expect(found.length).toBeGreaterThan(0);
  return found;
}

describe('a fresh MAR', () => {
  it('has a start for every name', () => {
    const twice = [...fresh.keys()].filter(
      (name) => Object.values(kinds).filter((kind) => kind.test(name)).length !== 1,
    );
    expect(twice).toEqual([]);
  });

  it('starts tables and the embedding of time narrow and normal', () => {
    for (const [name, { std, mean, shape }] of [...of('table'), ...of('time')]) {
      const few = shape.reduce((product, side) => product * side, 1) < 200;
      expect(Math.abs(std - 0.02), name).toBeLessThan(few ? 0.006 : 0.002);
      expect(Math.abs(mean), name).toBeLessThan(few ? 0.01 : 0.003);
    }
  });

  it('starts matrices uniform within the bound of Glorot and Bengio', () => {
    for (const [name, { shape, std, largest }] of of('matrix')) {
      const bound = Math.sqrt(6 / (shape[0]! + shape[1]!));
      expect(largest, name).toBeLessThanOrEqual(bound * (1 + 1e-6));
      expect(largest / bound, name).toBeGreaterThan(0.95);
      expect(std / (bound / Math.sqrt(3)), name).toBeCloseTo(1, 0);
    }
  });

  it('starts with nothing added, nothing scaled, and a denoiser that says zero', () => {
    for (const [name, { largest }] of [...of('bias'), ...of('silent')]) expect(largest, name).toBe(0);
    for (const [name, { mean, std }] of of('scale')) expect([mean, std], name).toEqual([1, 0]);
  });

  it('lets tables and matrices of the transformers decay, and nothing else', () => {
    for (const [name, { decay, shape }] of fresh) {
      expect(decay, name).toBe(shape.length > 1 && !name.startsWith('diffloss.'));
    }
  });
});
