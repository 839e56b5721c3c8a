import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import type { Weights } from '@tessera/core';
import { tensorFrom } from '@tessera/engine';
import { furthest } from '@tessera/goldens';
import { createEngine } from '@tessera/targets';
import { describe, expect, it } from 'vitest';
import { decoderLayers, encoderLayers, type StackShape } from './encoder-decoder.ts';
import { Blocks, runLayers } from './layers.ts';

/** Small numbers that depend on the parameter's name, and what was asked for. */
function madeUpWeights(): { weights: Weights; taken: Map<string, Tensor> } {
  const taken = new Map<string, Tensor>();
  const param = (name: string, shape: readonly number[]): Tensor => {
    const size = shape.reduce((product, side) => product * side, 1);
    const phase = [...name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0);
    const numbers = Float32Array.from({ length: size }, (_, i) => 0.1 * Math.sin((i + phase) ** 2));
    taken.set(name, tensorFrom(numbers, shape));
    return taken.get(name)!;
  };
  return { weights: { has: () => true, param }, taken };
}

const shape: StackShape = {
  levels: { ch: 4, ch_mult: [1, 2], num_res_blocks: 1 },
  inputs: 3,
  outputs: 6,
  attends: (level) => level === 1,
};

describe('encoder and decoder', () => {
  it('attend where they are told to, and in the middle', () => {
    const { weights, taken } = madeUpWeights();
    const blocks = new Blocks(weights, { groups: 2, attention: 'separate' });
    const paths = encoderLayers(blocks, shape).map(({ path }) => path);
    expect(paths).toEqual([
      'encoder.conv_in',
      'encoder.down.0.block.0',
      'encoder.down.0.downsample',
      'encoder.down.1.block.0',
      'encoder.down.1.attn.0',
      'encoder.mid.block_1',
      'encoder.mid.attn_1',
      'encoder.mid.block_2',
      'encoder.norm_out',
      'encoder.conv_out',
    ]);
    const never = decoderLayers(blocks, { ...shape, attends: () => false }).map(({ path }) => path);
    expect(never.filter((path) => path.includes('attn'))).toEqual(['decoder.mid.attn_1']);
    const everywhere = decoderLayers(blocks, { ...shape, attends: () => true }).map(({ path }) => path);
    const ups = ['decoder.up.1.attn.0', 'decoder.up.1.attn.1', 'decoder.up.0.attn.0', 'decoder.up.0.attn.1'];
    expect(everywhere.filter((path) => path.includes('attn'))).toEqual(['decoder.mid.attn_1', ...ups]);
    tf.dispose([...taken.values()]);
  });

  it('bring a picture to half its side and back, seen layer by layer', async () => {
    const engine = createEngine();
    const start = tf.memory().numTensors;
    const { weights, taken } = madeUpWeights();
    const blocks = new Blocks(weights, { groups: 2, attention: 'fused' });
    const encoder = encoderLayers(blocks, shape);
    const decoder = decoderLayers(blocks, { ...shape, inputs: 6, outputs: 3 });
    const seen: [string, number[]][] = [];
    const program = engine.compile(
      (image: Tensor4D) => {
        seen.length = 0;
        const features = runLayers(encoder, image, (path, output) => seen.push([path, output.shape]));
        return { features, made: runLayers(decoder, features) };
      },
      { name: 'there-and-back' },
    );
    const image = tensorFrom(
      Float32Array.from({ length: 2 * 8 * 8 * 3 }, (_, i) => Math.sin(i)),
      [2, 8, 8, 3],
    ) as Tensor4D;
    const { features, made } = await program(image);
    expect([features.shape, made.shape]).toEqual([
      [2, 4, 4, 6],
      [2, 8, 8, 3],
    ]);
    expect(seen[0]).toEqual(['encoder.conv_in', [2, 8, 8, 4]]);
    expect(seen.at(-1)).toEqual(['encoder.conv_out', [2, 4, 4, 6]]);
    expect((await made.data()).every(Number.isFinite)).toBe(true);
    tf.dispose([image, features, made, ...taken.values()]);
    engine.dispose();
    expect(tf.memory().numTensors).toBe(start);
  });
});

describe('attention', () => {
  it('is the same with one convolution as with three', async () => {
    const engine = createEngine();
    const { weights, taken } = madeUpWeights();
    const separate = new Blocks(weights, { groups: 2, attention: 'separate' }).attention('attn', 4);
    expect([...taken.keys()].filter((name) => name.endsWith('.weight')).toSorted()).toEqual(
      ['k', 'norm', 'proj_out', 'q', 'v'].map((name) => `attn.${name}.weight`),
    );
    const joined = (end: string): Tensor => tf.concat(['q', 'k', 'v'].map((name) => taken.get(`attn.${name}.${end}`)!));
    const fusedWeights: Weights = {
      has: () => true,
      param: (name) => (name.includes('.qkv.') ? joined(name.split('.').at(-1)!) : taken.get(name)!),
    };
    const both = engine.compile(
      (x: Tensor4D) => {
        const fused = new Blocks(fusedWeights, { groups: 2, attention: 'fused' }).attention('attn', 4);
        return { fused: fused.forward(x), separate: separate.forward(x) };
      },
      { name: 'attention', axes: ['B . . .'] },
    );
    const x = tensorFrom(
      Float32Array.from({ length: 2 * 3 * 3 * 4 }, (_, i) => Math.cos(i)),
      [2, 3, 3, 4],
    ) as Tensor4D;
    const outputs = await both(x);
    const numbers = await outputs.separate.data();
    expect(furthest(await outputs.fused.data(), numbers)).toBeLessThan(1e-6);
    expect(furthest(numbers, await x.data())).toBeGreaterThan(1e-3);
    tf.dispose([x, ...Object.values(outputs), ...taken.values()]);
    engine.dispose();
  });
});
