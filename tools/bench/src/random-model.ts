import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Tensor } from '@tensorflow/tfjs';
import type { ClassModulatedConfig } from '@tessera/backbones';
import { writeSafetensors } from '@tessera/checkpoints';
import { buildBackbone, checkParts, type Init, type Weights } from '@tessera/core';
import { tensorFrom } from '@tessera/engine';
import { type ModelManifest, resolveParts, type SavedTensor, saveModel } from '@tessera/models';
import { createEngine } from '@tessera/targets';
import { type VqConfig, vqTokenizer } from '@tessera/tokenizer-vq';

interface RandomModelRequest extends Pick<
  ModelManifest,
  'name' | 'tokenizer' | 'order' | 'backbone' | 'head' | 'defaults'
> {
  readonly classes: number;
}

/**
 * A model folder with random weights under official names, written into the temporary folder once; later calls find it
 * there. One tensor at a time is in memory.
 */
export async function randomModel({ classes, ...parts }: RandomModelRequest): Promise<string> {
  const folder = join(placeOf({ classes, parts }), parts.name);
  if (existsSync(join(folder, 'model.json'))) return folder;
  const manifest: ModelManifest = {
    format: 'tessera-model',
    version: 1,
    title: parts.name,
    description: 'Random weights for benchmarks.',
    licence: 'CC0-1.0',
    data: 'none',
    classes: Array.from({ length: classes }, (_, label) => String(label)),
    ...parts,
  };
  await saveModel(folder, { manifest, tensors: tensorsOf(manifest), dtype: 'float32' });
  return folder;
}

/** A tokenizer's weight file alone, written in the same way. */
export async function randomTokenizer(name: string, config: VqConfig): Promise<string> {
  const path = join(placeOf(config), `${name}.safetensors`);
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

/** Weights of other parts lie elsewhere: none is taken for what it is not. */
function placeOf(parts: unknown): string {
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  return join(tmpdir(), 'tessera-bench', digest.slice(0, 16));
}

/** What the parts ask for when they are built, with values as they would start in training. */
function tensorsOf(manifest: ModelManifest) {
  const engine = createEngine({ target: 'onnx' });
  const parts = resolveParts(manifest, manifest.name);
  const { configs, layout, space, width } = checkParts(parts);
  const asked = { tokenizer: new Recorder(), backbone: new Recorder(), head: new Recorder() };
  const tokenizer = parts.tokenizer.plugin.build(configs.tokenizer, { engine, weights: asked.tokenizer });
  const dims = { width, space: tokenizer.space };
  const backbone = buildBackbone(
    { plugin: parts.backbone.plugin, config: configs.backbone, condition: parts.condition },
    { layout, space },
    { engine, weights: asked.backbone },
  );
  const head = parts.head.plugin.build(configs.head, dims, { engine, weights: asked.head });
  for (const part of [head, backbone, tokenizer, ...Object.values(asked), engine]) part.dispose();
  return { tokenizer: asked.tokenizer.saved, backbone: asked.backbone.saved, head: asked.head.saved };
}

/** Writes down what is asked for, and gives zeros: memory that is never touched takes no space. */
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

/** A VAR of random weights: the head's start is large enough to make a difference. */
export function randomVar({
  name,
  backbone,
  tokenizer,
}: {
  readonly name: string;
  readonly backbone: ClassModulatedConfig;
  readonly tokenizer: VqConfig;
}): Promise<string> {
  return randomModel({
    name,
    classes: backbone.classes!,
    tokenizer: { plugin: 'vq', config: tokenizer },
    order: { plugin: 'next-scale', config: {} },
    backbone: { plugin: 'next-scale-transformer', config: backbone },
    head: { plugin: 'categorical', config: { initScale: 1 } },
    defaults: { guidance: { kind: 'ramp', scale: 1.5 }, options: { topK: 900, topP: 0.96 }, preview: 'none' },
  });
}

const DRAWS = 1 << 20;
let block: Float32Array | null = null;

/**
 * Values of a parameter that starts as `init` says. Normal numbers come from one block that is read over and over from
 * `offset` on: a benchmark needs their spread, not their independence.
 */
export function randomValues(init: Init, size: number, offset: number): Float32Array {
  switch (init.kind) {
    case 'normal':
      return scaledNormals(size, offset, init.std);
    case 'uniform':
      return scaledNormals(size, offset, init.bound / Math.sqrt(3));
    case 'rows': {
      const values = new Float32Array(size);
      const perRow = size / init.parts.reduce((sum, { rows }) => sum + rows, 0);
      let at = 0;
      for (const { rows, init: part } of init.parts) {
        values.set(randomValues(part, rows * perRow, offset + at), at);
        at += rows * perRow;
      }
      return values;
    }
    case 'constant':
      return new Float32Array(size).fill(init.value);
    case 'ones':
      return new Float32Array(size).fill(1);
    case 'zeros':
      return new Float32Array(size);
  }
}

function scaledNormals(size: number, offset: number, std: number): Float32Array {
  block ??= normalBlock();
  const values = new Float32Array(size);
  for (let i = 0; i < size; i++) values[i] = std * block[(i + offset) % DRAWS]!;
  return values;
}

/** Normal numbers by Box and Muller from a linear congruential sequence with a fixed start. */
function normalBlock(): Float32Array {
  const draws = new Float32Array(DRAWS);
  let state = 12345;
  const uniform = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return ((state >>> 0) + 0.5) / 2 ** 32;
  };
  for (let i = 0; i < DRAWS; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(uniform()));
    const angle = 2 * Math.PI * uniform();
    draws[i] = radius * Math.cos(angle);
    draws[i + 1] = radius * Math.sin(angle);
  }
  return draws;
}
