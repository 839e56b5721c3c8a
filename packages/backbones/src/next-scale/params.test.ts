import * as tf from '@tensorflow/tfjs';
import type { ParamSpec } from '@tessera/core';
import { readGolden } from '@tessera/goldens';
import { beforeAll, describe, expect, it } from 'vitest';
import { openTiny, squareLayout } from '../../fixtures/tiny-model.ts';
import { adaLNConfig } from '../adaln/config.ts';
import { takeParams } from './params.ts';

beforeAll(() => tf.setBackend('cpu'));

/** What the official code registers as buffers, and what belongs to the head. */
const ELSEWHERE = /^(lvl_1L|attn_bias_for_masking|head\..*|.*\.zero_k_bias)$/;

function specsOf(changes: object): Map<string, ParamSpec & { readonly shape: readonly number[] }> {
  const specs = new Map<string, ParamSpec & { readonly shape: readonly number[] }>();
  const config = adaLNConfig.parse({ classes: 10, depth: 2, width: 48, heads: 3, ...changes }, 'test');
  const dims = { layout: squareLayout([1, 2, 3]), space: { kind: 'discrete', channels: 8, vocabulary: 64 } as const };
  const scalar = tf.scalar(0);
  takeParams(config, dims, {
    has: () => true,
    param: (name, shape, spec) => {
      specs.set(name, { ...spec, shape });
      return scalar;
    },
  });
  scalar.dispose();
  return specs;
}

describe('takeParams', () => {
  it.each(['var_tiny', 'var_tiny_shared', 'var_tiny_nol2'] as const)(
    'takes every parameter of %s and no buffer',
    (name) => {
      const tiny = openTiny(name);
      const stored = readGolden(`weights/${name}`).names.filter((key) => !ELSEWHERE.test(key));
      expect([...tiny.weights.taken.keys()].sort()).toEqual(stored.sort());
      tiny.dispose();
    },
  );

  it('lets only matrices and class embeddings decay', () => {
    const shared = specsOf({ sharedAdaLN: true });
    const decaying = [...specsOf({}), ...shared].filter(([, { decay }]) => decay).map(([name]) => name);
    for (const name of decaying) expect(name).toMatch(/^(?!.*(lvl_embed|pos|ada_gss|scale_mul)).*\.weight$/);
    expect(decaying).toContain('class_emb.weight');
    expect(shared.get('blocks.1.ada_gss')!.decay).toBe(false);
    expect(shared.get('lvl_embed.weight')!.decay).toBe(false);
    expect(decaying).toContain('shared_ada_lin.1.weight');
  });

  it('starts as the official code does', () => {
    const specs = specsOf({});
    const std = Math.sqrt(1 / (3 * 48));
    const init = (name: string) => specs.get(name)!.init;
    expect(init('pos_1LC')).toEqual({ kind: 'normal', std });
    expect(init('blocks.0.attn.proj.weight')).toEqual({ kind: 'normal', std: std / 2 });
    expect(init('blocks.1.ffn.fc2.weight')).toEqual({ kind: 'normal', std: std / 2 });
    expect(init('blocks.0.ffn.fc1.weight')).toEqual({ kind: 'normal', std });
    expect(init('head_nm.ada_lin.1.weight')).toEqual({ kind: 'normal', std: std * 0.5 });
    expect(init('blocks.0.attn.scale_mul_1H11')).toEqual({ kind: 'constant', value: Math.log(4) });
    expect(init('blocks.0.attn.q_bias')).toEqual({ kind: 'zeros' });
    expect(init('blocks.0.ada_lin.1.weight')).toEqual({
      kind: 'rows',
      parts: [
        { rows: 96, init: { kind: 'normal', std: std * 1e-5 } },
        { rows: 192, init: { kind: 'normal', std: std * 0.5 } },
      ],
    });
    expect(specsOf({ sharedAdaLN: true }).get('blocks.0.ada_gss')!.init).toEqual({
      kind: 'rows',
      parts: [
        { rows: 2, init: { kind: 'normal', std: (1 / Math.sqrt(48)) * 1e-5 } },
        { rows: 4, init: { kind: 'normal', std: (1 / Math.sqrt(48)) * 0.5 } },
      ],
    });
    expect(specs.has('blocks.0.attn.zero_k_bias')).toBe(false);
  });

  it('has no scale without query-key normalisation', () => {
    expect([...specsOf({ qkNorm: false }).keys()].some((name) => name.includes('scale_mul'))).toBe(false);
  });
});
