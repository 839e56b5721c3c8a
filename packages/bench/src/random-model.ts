import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Tensor } from '@tensorflow/tfjs';
import { nextScaleTransformer, type NextScaleConfig } from '@tessera/backbones';
import { writeSafetensors } from '@tessera/checkpoints';
import type { Init, Weights } from '@tessera/core';
import { createEngine, tensorFrom } from '@tessera/engine';
import { categoricalHead } from '@tessera/head-categorical';
import { saveModel, type ModelManifest, type SavedTensor } from '@tessera/models';
import { vqTokenizer, type VqConfig } from '@tessera/tokenizer-vq';
import { randomValues } from './random-values.ts';

export interface RandomModelRequest {
  readonly name: string;
  readonly tokenizer: VqConfig;
  readonly backbone: NextScaleConfig;
}

/**
 * A model folder with random weights under official names, written into the temporary folder once; later calls find it
 * there. One tensor at a time is in memory.
 */
export async function randomModel({ name, tokenizer, backbone }: RandomModelRequest): Promise<string> {
  const folder = join(tmpdir(), 'tessera-bench', name);
  if (existsSync(join(folder, 'model.json'))) return folder;
  const manifest: ModelManifest = {
    format: 'tessera-model',
    version: 1,
    name,
    title: name,
    description: 'Random weights for benchmarks.',
    licence: 'CC0-1.0',
    data: 'none',
    classes: Array.from({ length: backbone.classes }, (_, label) => String(label)),
    tokenizer: { plugin: vqTokenizer.name, config: tokenizer },
    order: { plugin: 'next-scale', config: {} },
    backbone: { plugin: nextScaleTransformer.name, config: backbone },
    head: { plugin: categoricalHead.name, config: {} },
    defaults: { guidance: { kind: 'ramp', scale: 1.5 }, options: { topK: 900, topP: 0.96 }, preview: 'none' },
  };
  await saveModel(folder, { manifest, tensors: tensorsOf({ tokenizer, backbone }), dtype: 'float32' });
  return folder;
}

/** A tokenizer's weight file alone, written in the same way. */
export async function randomTokenizer(name: string, config: VqConfig): Promise<string> {
  const path = join(tmpdir(), 'tessera-bench', `${name}.safetensors`);
  if (existsSync(path)) return path;
  await mkdir(dirname(path), { recursive: true });
  const engine = createEngine({ target: 'onnx' });
  const asked = new Recorder();
  for (const part of [vqTokenizer.build(config, { engine, weights: asked }), asked, engine]) part.dispose();
  await writeSafetensors(
    path,
    asked.saved.map(({ name: tensor, shape, values }) => ({
      name: tensor,
      shape,
      dtype: 'float32',
      bytes: async () => new Uint8Array((await values()).buffer as ArrayBuffer),
    })),
  );
  return path;
}

/** What the parts ask for when they are built, with values as they would start in training. */
function tensorsOf(request: Pick<RandomModelRequest, 'tokenizer' | 'backbone'>) {
  const engine = createEngine({ target: 'onnx' });
  const asked = { tokenizer: new Recorder(), backbone: new Recorder(), head: new Recorder() };
  const tokenizer = vqTokenizer.build(request.tokenizer, { engine, weights: asked.tokenizer });
  const { layout, space } = tokenizer;
  const backbone = nextScaleTransformer.build(request.backbone, { layout, space }, { engine, weights: asked.backbone });
  const headConfig = categoricalHead.config.parse({ initScale: 1 }, 'bench');
  const head = categoricalHead.build(headConfig, { width: backbone.width, space }, { engine, weights: asked.head });
  for (const part of [head, backbone, tokenizer, ...Object.values(asked), engine]) part.dispose();
  return { tokenizer: asked.tokenizer.saved, backbone: asked.backbone.saved, head: asked.head.saved };
}

/** Writes down what is asked for, and gives zeros: memory that nobody touches takes no room. */
class Recorder implements Weights {
  readonly saved: SavedTensor[] = [];
  readonly #tensors: Tensor[] = [];

  has(): boolean {
    return true;
  }

  param(name: string, shape: readonly number[], { init }: { readonly init: Init }): Tensor {
    const size = shape.reduce((product, side) => product * side, 1);
    const offset = this.saved.length * 7919;
    this.saved.push({ name, shape, values: () => randomValues(init, size, offset) });
    const tensor = tensorFrom(new Float32Array(size), shape);
    this.#tensors.push(tensor);
    return tensor;
  }

  dispose(): void {
    for (const tensor of this.#tensors) tensor.dispose();
  }
}
