import { maskedEncoderDecoder, nextScaleTransformer } from '@tessera/backbones';
import { nextScaleOrder, type Parts, randomSetsOrder } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import { categoricalHead } from '@tessera/head-categorical';
import { diffusionHead } from '@tessera/head-diffusion';
import {
  configOfKlState,
  configOfMarState,
  configOfVarState,
  configOfVqState,
  isDerived,
  patchNumsOf,
  recordedShapes,
  type Shapes,
} from '@tessera/models';
import { createEngine } from '@tessera/targets';
import { klConfig, type KlConfig, klTokenizer } from '@tessera/tokenizer-continuous';
import { USAGE_BUFFER, vqTokenizer } from '@tessera/tokenizer-vq';
import type { Verdict } from '../comparison.ts';

/** Every name and shape of published checkpoints. */
type Inventory = Readonly<Record<string, ModelInventory>>;

interface ModelInventory {
  readonly n_params: number;
  readonly entries: Readonly<Record<string, readonly [dtype: string, shape: readonly number[]]>>;
}

/** One kind of state dict: how it is known, and what a model built for it asks for. */
export interface StateKind {
  /** A tensor that no other kind has. */
  readonly mark: string;
  readonly asked: (shapes: Shapes, engine: Engine) => Shapes;
  /** Buffers, which our models leave out and which do not count as parameters. */
  readonly isBuffer: (name: string) => boolean;
}

/** Whether every model of a file is of one of these kinds. */
export function isInventory(content: object, kinds: readonly StateKind[]): content is object & Inventory {
  const models: unknown[] = Object.values(content);
  return models.length > 0 && models.every((model) => kinds.some(({ mark }) => hasEntry(model, mark)));
}

function hasEntry(model: unknown, name: string): boolean {
  const entries = (model as Partial<ModelInventory> | null)?.entries as unknown;
  return typeof entries === 'object' && entries !== null && name in entries;
}

/** Official models map onto ours without a name or shape left over on either side. */
export function checkInventory(content: Inventory, kinds: readonly StateKind[]): Verdict[] {
  const engine = createEngine({ target: 'eager' });
  try {
    return Object.entries(content).map(([name, model]) => {
      const shapes = new Map(Object.entries(model.entries).map(([key, [, shape]]) => [key, shape]));
      const { asked, isBuffer } = kinds.find(({ mark }) => shapes.has(mark))!;
      const problems = differences(asked(shapes, engine), shapes, isBuffer);
      const counted = parametersOf(shapes, isBuffer);
      if (counted !== model.n_params) problems.push(`${counted} parameters instead of ${model.n_params}`);
      const failure = `${name}: ${problems.slice(0, 4).join('; ')}`;
      return problems.length === 0 ? { name, share: 0 } : { name, share: Infinity, failure };
    });
  } finally {
    engine.dispose();
  }
}

/** What one side has and the other has not. */
function differences(asked: Shapes, found: Shapes, isBuffer: StateKind['isBuffer']): string[] {
  const problems: string[] = [];
  for (const [name, shape] of asked) {
    const there = found.get(name);
    if (there === undefined) problems.push(`no ${name}`);
    else if (there.join() !== shape.join())
      problems.push(`${name} [${there.join(', ')}], asked for [${shape.join(', ')}]`);
  }
  for (const name of found.keys()) if (!asked.has(name) && !isBuffer(name)) problems.push(`${name} left over`);
  return problems;
}

function parametersOf(shapes: Shapes, isBuffer: StateKind['isBuffer']): number {
  return [...shapes]
    .filter(([name]) => !isBuffer(name))
    .reduce((sum, [, shape]) => sum + shape.reduce((product, side) => product * side, 1), 0);
}

/** State dicts of VAR: transformer with head, and VQ-VAE. */
export const varStates: readonly StateKind[] = [
  {
    mark: 'pos_1LC',
    isBuffer: isDerived,
    asked(shapes, engine) {
      const { backbone, patchNums } = configOfVarState(shapes, { who: 'parity' });
      const vocabulary = shapes.get('head.weight')?.[0] ?? 0;
      const channels = shapes.get('word_embed.weight')?.[1] ?? 0;
      const sizes = { V: vocabulary, Cvae: channels, ch: 32, patch_nums: patchNums };
      const tokenizer = vqTokenizer.config.parse(sizes, 'parity');
      const asked = recordedShapes(varPartsOf(tokenizer, backbone), engine);
      return new Map([...asked.backbone, ...asked.head]);
    },
  },
  {
    mark: 'quantize.embedding.weight',
    isBuffer: (name) => name === USAGE_BUFFER,
    asked(shapes, engine) {
      const config = configOfVqState(shapes, { who: 'parity', patchNums: patchNumsOf[256] });
      const backbone = nextScaleTransformer.config.parse({ classes: 1, depth: 1, width: 64, heads: 1 }, 'parity');
      return recordedShapes(varPartsOf(config, backbone), engine).tokenizer;
    },
  },
];

function varPartsOf(tokenizer: unknown, backbone: unknown): Parts {
  return {
    tokenizer: { plugin: vqTokenizer, config: tokenizer },
    order: { plugin: nextScaleOrder, config: {} },
    backbone: { plugin: nextScaleTransformer, config: backbone },
    head: { plugin: categoricalHead, config: {} },
  } as Parts;
}

const NO_BUFFERS = (): boolean => false;
const STACK = { ch: 32, ch_mult: [1], num_res_blocks: 1, attn_resolutions: [], latentScale: 1 };

/** State dicts of MAR: transformers with denoiser, and KL-VAE. */
export const marStates: readonly StateKind[] = [
  {
    mark: 'diffusion_pos_embed_learned',
    isBuffer: NO_BUFFERS,
    asked(shapes, engine) {
      // Shapes do not depend on the number of heads.
      const heads = { encoder: 1, decoder: 1 };
      const { backbone, head, length, channels } = configOfMarState(shapes, { who: 'parity', heads });
      const latents = { z_channels: channels, resolution: Math.sqrt(length) };
      const tokenizer = klConfig.parse({ ...STACK, ...latents }, 'parity');
      const asked = recordedShapes(marPartsOf(tokenizer, backbone, head), engine);
      return new Map([...asked.backbone, ...asked.head]);
    },
  },
  {
    mark: 'encoder.mid.attn_1.q.weight',
    isBuffer: NO_BUFFERS,
    asked(shapes, engine) {
      const config = configOfKlState(shapes, { who: 'parity', latentScale: 1 });
      const transformer = { depth: 1, width: 64, heads: 1 };
      const sizes = { classes: 1, encoder: transformer, decoder: transformer };
      const backbone = maskedEncoderDecoder.config.parse(sizes, 'parity');
      const head = diffusionHead.config.parse({ blocks: 1, width: 64 }, 'parity');
      return recordedShapes(marPartsOf(config, backbone, head), engine).tokenizer;
    },
  },
];

function marPartsOf(tokenizer: KlConfig, backbone: unknown, head: unknown): Parts {
  return {
    tokenizer: { plugin: klTokenizer, config: tokenizer },
    order: { plugin: randomSetsOrder, config: {} },
    backbone: { plugin: maskedEncoderDecoder, config: backbone },
    head: { plugin: diffusionHead, config: head },
  } as Parts;
}
