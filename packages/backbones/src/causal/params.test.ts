import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { openTinyCausal, type SeededWeights } from '../../fixtures/tiny-causal.ts';
import type { AdaLNConfig } from '../adaln/config.ts';

beforeAll(() => tf.setBackend('cpu'));

function taken(sides: readonly number[], changes: Partial<AdaLNConfig> = {}): SeededWeights['taken'] {
  const tiny = openTinyCausal(sides, changes);
  tiny.dispose();
  return tiny.weights.taken;
}

const block = [
  'attn.mat_qkv.weight',
  'attn.q_bias',
  'attn.v_bias',
  'attn.scale_mul_1H11',
  'attn.proj.weight',
  'attn.proj.bias',
  'ffn.fc1.weight',
  'ffn.fc1.bias',
  'ffn.fc2.weight',
  'ffn.fc2.bias',
  'ada_lin.1.weight',
  'ada_lin.1.bias',
];

describe('takeParams', () => {
  it('names parameters as VAR does, and the instructions beside them', () => {
    expect(Object.fromEntries([...taken([3])].map(([name, { tensor }]) => [name, tensor.shape]))).toMatchObject({
      pos_start: [1, 1, 24],
      pos_1LC: [1, 9, 24],
      next_pos_1LC: [1, 9, 24],
      'word_embed.weight': [24, 3],
      'class_emb.weight': [5, 24],
    });
    expect([...taken([3]).keys()]).toEqual([
      'pos_start',
      'pos_1LC',
      'next_pos_1LC',
      'word_embed.weight',
      'word_embed.bias',
      'class_emb.weight',
      ...['blocks.0', 'blocks.1'].flatMap((name) => block.map((part) => `${name}.${part}`)),
      'head_nm.ada_lin.1.weight',
      'head_nm.ada_lin.1.bias',
    ]);
  });

  it('tells scales apart where there are several', () => {
    expect(taken([1, 2]).get('lvl_embed.weight')!.tensor.shape).toEqual([2, 24]);
  });

  it('lets only matrices and class embeddings decay', () => {
    for (const [name, { spec }] of taken([1, 2], { sharedAdaLN: true })) {
      const isMatrix = name.endsWith('.weight') && name !== 'lvl_embed.weight';
      expect([name, spec.decay]).toEqual([name, isMatrix]);
    }
  });

  it('starts as VAR does', () => {
    const specs = taken([1, 2], { initModulation: 0.25 });
    const std = Math.sqrt(1 / (3 * 24));
    for (const name of ['pos_start', 'pos_1LC', 'next_pos_1LC', 'lvl_embed.weight', 'word_embed.weight']) {
      expect([name, specs.get(name)!.spec.init]).toEqual([name, { kind: 'normal', std }]);
    }
    expect(specs.get('blocks.1.attn.proj.weight')!.spec.init).toEqual({ kind: 'normal', std: std / 2 });
    expect(specs.get('head_nm.ada_lin.1.weight')!.spec.init).toEqual({ kind: 'normal', std: std * 0.25 });
  });
});
