import * as tf from '@tensorflow/tfjs';
import type { LinearPreview } from '@tessera/autoencoder';
import type { NextScaleConfig } from '@tessera/backbones';
import { openCheckpoint, type Checkpoint } from '@tessera/checkpoints';
import type { Weights } from '@tessera/core';
import { tensorFrom, type Engine } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { USAGE_BUFFER, vqTokenizer, type VqConfig } from '@tessera/tokenizer-vq';
import { mismatch } from '../file-weights.ts';
import { readManifest } from '../manifest.ts';
import type { ModelManifest } from '../model.ts';
import { resolveParts } from '../plugins.ts';
import { saveModel, type SavedDType, type SavedTensor } from '../save-model.ts';
import { fitPreviewFromCodes } from './fit-preview.ts';
import { isDerived, patchNumsOfLevels } from './official-buffers.ts';
import { findState, type OfficialState } from './official-state.ts';
import { differences, recordedShapes } from './recorded-shapes.ts';
import { configOfVarState, configOfVqState, type VarStateConfig, type VqStateHints } from './state-config.ts';
import {
  readTokenizerNotes,
  readTransformerNotes,
  type ModelFacts,
  type TokenizerNotes,
  type TransformerNotes,
} from './state-notes.ts';

/** Official VAR weights and what the new model folder says about itself. */
export interface ImportRequest {
  readonly engine: Engine;
  /** A transformer's state dict, or a trainer's checkpoint that holds one. */
  readonly transformer: string;
  /** The VQ-VAE's state dict; left out, the transformer's file holds it too, as a trainer's checkpoint does. */
  readonly tokenizer?: string;
  /** Folder to write; a model that is there is replaced. */
  readonly out: string;
  readonly name: string;
  readonly title?: string;
  readonly description?: string;
  readonly licence?: string;
  readonly data?: string;
  /** Names of the classes; left out, those of the file, else their numbers. */
  readonly classes?: readonly string[];
  readonly dtype?: SavedDType;
  /** Left out, they are read from the checkpoint, where it tells. */
  readonly patchNums?: readonly number[];
  readonly heads?: number;
  readonly vq?: Pick<VqStateHints, 'quantResi' | 'usingZnorm' | 'groups'>;
}

/**
 * Imports official VAR weights (safetensors or PyTorch files, executing nothing) as a model folder: names and layouts
 * are kept, every name and shape is accounted for, what follows from the configuration is left out, and a linear
 * preview is fitted. What shapes do not tell is taken from the request, else from the notes that `exportModel` leaves in
 * its files, else it is as in the published models. On failure nothing stays behind.
 * @returns the new folder's manifest
 * @throws TesseraError state-missing, state-ambiguous, state-shape, patch-nums-ambiguous, weights-mismatch, k-bias,
 * classes-mismatch, notes-malformed, field-..., and the codes of the file formats
 */
export async function importModel(request: ImportRequest): Promise<ModelManifest> {
  const transformerFile = await openCheckpoint(request.transformer);
  let tokenizerFile: Checkpoint | null = null;
  try {
    tokenizerFile = await openCheckpoint(request.tokenizer ?? request.transformer);
    const transformer = findState(transformerFile, 'pos_1LC', 'VAR transformer');
    const tokenizer = findState(tokenizerFile, 'quantize.embedding.weight', 'VQ-VAE');
    const notes = { ...readTransformerNotes(transformerFile), tokenizer: readTokenizerNotes(tokenizerFile) };
    return await importStates(request, { transformer, tokenizer, notes });
  } finally {
    await transformerFile.close();
    await tokenizerFile?.close();
  }
}

interface States {
  readonly transformer: OfficialState;
  readonly tokenizer: OfficialState;
  readonly notes: TransformerNotes & { readonly tokenizer: TokenizerNotes | null };
}

async function importStates(request: ImportRequest, states: States): Promise<ModelManifest> {
  const { transformer, tokenizer, notes } = states;
  const { backbone, patchNums } = await readBackbone(request, states);
  await checkKeyBiases(transformer, backbone.depth);
  const hints = { ...hintsOf(notes.tokenizer), ...request.vq };
  const vq = configOfVqState(tokenizer.shapes, { who: tokenizer.who, patchNums, ...hints });
  const manifest = manifestOf(request, { vq, backbone }, notes.model);
  checkClasses(transformer.who, manifest, backbone.classes);
  const tensors = splitTensors(states, vq);
  checkShapes(manifest, request.engine, { states, tensors });
  const preview = await previewOf(request.engine, vq, tensors.tokenizer);
  const complete = { ...manifest, tokenizer: { ...manifest.tokenizer, config: { ...vq, preview } } };
  await saveModel(request.out, { manifest: complete, tensors, dtype: request.dtype ?? 'float32' });
  return readManifest(request.out);
}

async function readBackbone(request: ImportRequest, { transformer, notes }: States): Promise<VarStateConfig> {
  const { patchNums: noted, heads: notedHeads, ...settings } = notes.backbone ?? {};
  const patchNums = request.patchNums ?? noted ?? (await spelledPatchNums(transformer));
  const heads = request.heads ?? notedHeads;
  return configOfVarState(transformer.shapes, {
    who: transformer.who,
    settings,
    ...(patchNums && { patchNums }),
    ...(heads !== undefined && { heads }),
  });
}

function hintsOf(notes: TokenizerNotes | null): Partial<VqStateHints> {
  if (notes === null) return {};
  const { quant_resi, using_znorm, beta, groups } = notes;
  return { quantResi: quant_resi, usingZnorm: using_znorm, beta, groups };
}

async function spelledPatchNums({ shapes, read }: OfficialState): Promise<readonly number[] | null> {
  return shapes.has('lvl_1L') ? patchNumsOfLevels(await read('lvl_1L')) : null;
}

/** Keys have no bias in VAR; one that is not zero belongs to another model. */
async function checkKeyBiases(state: OfficialState, depth: number): Promise<void> {
  for (let block = 0; block < depth; block++) {
    const name = `blocks.${block}.attn.zero_k_bias`;
    if (!state.shapes.has(name)) continue;
    const values = await state.tensor(name).values();
    if (values.every((value) => value === 0)) continue;
    throw new TesseraError({
      code: 'k-bias',
      who: state.who,
      got: `a ${name} that is not zero`,
      expected: 'keys without a bias, as in VAR',
    });
  }
}

type Tensors = Parameters<typeof saveModel>[1]['tensors'];

/** The head's two tensors go to its file, all others to the backbone's; of another list of scales, usage is no use. */
function splitTensors({ transformer, tokenizer, notes }: States, { V, patch_nums }: VqConfig): Tensors {
  const names = [...transformer.shapes.keys()].filter((name) => !isDerived(name));
  const isHead = (name: string): boolean => name === 'head.weight' || name === 'head.bias';
  const usage = tokenizer.shapes.get(USAGE_BUFFER);
  const usable = notes.tokenizer?.counted !== false && String(usage) === String([patch_nums.length, V]);
  return {
    backbone: names.filter((name) => !isHead(name)).map(transformer.tensor),
    head: names.filter(isHead).map(transformer.tensor),
    tokenizer: [...tokenizer.shapes.keys()]
      .filter((name) => name !== USAGE_BUFFER || usable)
      .map((name) => ({ ...tokenizer.tensor(name), buffer: name === USAGE_BUFFER })),
  };
}

function checkShapes(
  manifest: ModelManifest,
  engine: Engine,
  { states, tensors }: { readonly states: States; readonly tensors: Tensors },
): void {
  const asked = recordedShapes(resolveParts(manifest, manifest.name), engine);
  const shapesOf = (list: readonly SavedTensor[]) =>
    new Map(list.filter(({ buffer }) => !buffer).map(({ name, shape }) => [name, shape]));
  const transformer = differences(
    new Map([...asked.backbone, ...asked.head]),
    shapesOf([...tensors.backbone, ...tensors.head]),
  );
  if (transformer.length > 0) throw mismatch(states.transformer.who, transformer);
  const tokenizer = differences(asked.tokenizer, shapesOf(tensors.tokenizer));
  if (tokenizer.length > 0) throw mismatch(states.tokenizer.who, tokenizer);
}

async function previewOf(engine: Engine, vq: VqConfig, tensors: readonly SavedTensor[]): Promise<LinearPreview> {
  const weights = await memoryWeights(tensors);
  try {
    const tokenizer = vqTokenizer.build(vq, { engine, weights });
    try {
      return await fitPreviewFromCodes(tokenizer);
    } finally {
      tokenizer.dispose();
    }
  } finally {
    weights.dispose();
  }
}

/** Weights whose names and shapes have been checked already. */
async function memoryWeights(tensors: readonly SavedTensor[]): Promise<Weights & { dispose(): void }> {
  const opened = new Map<string, tf.Tensor>();
  for (const { name, shape, values } of tensors) opened.set(name, tensorFrom(await values(), shape));
  return {
    has: (name) => opened.has(name),
    param: (name) => opened.get(name)!,
    dispose: () => tf.dispose([...opened.values()]),
  };
}

function checkClasses(who: string, { classes }: ModelManifest, expected: number): void {
  if (classes.length === expected) return;
  throw new TesseraError({
    code: 'classes-mismatch',
    who,
    got: `${classes.length} class names`,
    expected: `${expected}, one for each class of the weights`,
    next: 'Give as many names as there are classes, or none.',
  });
}

/** What is not said is told by the weights, or left for the importer to fill in. */
function manifestOf(
  request: ImportRequest,
  config: { readonly vq: VqConfig; readonly backbone: NextScaleConfig },
  facts: ModelFacts | null,
): ModelManifest {
  const { name } = request;
  const { vq, backbone } = config;
  return {
    format: 'tessera-model',
    version: 1,
    name,
    title: request.title ?? facts?.title ?? name,
    description:
      request.description ?? facts?.description ?? `VAR of depth ${backbone.depth}, imported from official weights`,
    licence: request.licence ?? facts?.licence ?? 'see the source of the weights',
    data: request.data ?? facts?.data ?? 'see the source of the weights',
    classes: request.classes ?? facts?.classes ?? Array.from({ length: backbone.classes }, (_, label) => String(label)),
    tokenizer: { plugin: 'vq', config: vq },
    order: { plugin: 'next-scale', config: {} },
    backbone: { plugin: 'next-scale-transformer', config: backbone },
    head: { plugin: 'categorical', config: {} },
    defaults: facts?.defaults ?? {
      // The settings of the published evaluation.
      guidance: { kind: 'ramp', scale: 1.5 },
      options: { topK: Math.min(900, vq.V), topP: 0.96 },
      preview: 'linear',
    },
  };
}
