import type { LinearPreview } from '@tessera/autoencoder';
import type { Checkpoint, WritableTensor } from '@tessera/checkpoints';
import type { BuildContext } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import { anything, type Schema } from '@tessera/schema';
import { modelFacts, type WeightedComponent, type ModelManifest } from '../manifest.ts';
import type { SavedTensor } from '../weight-files.ts';
import type { Shapes } from '../weights.ts';
import type { OfficialState, StateMark } from './official-state.ts';

/** Settings of a request that neither the shapes of the weights nor their files contain. */
export interface ImportHints {
  /** Sides of the scales. */
  readonly patchNums?: readonly number[];
  /** Attention heads of every block. */
  readonly heads?: number;
  /** Groups of the tokenizer's normalisations. */
  readonly groups?: number;
  readonly quantResi?: number;
  readonly usingZnorm?: boolean;
  /** Factor from latents to tokens. */
  readonly latentScale?: number;
  /** Side of the square of latents that forms one token. */
  readonly patchSize?: number;
}

/** Called before each tensor is written: how many were read so far, of how many. */
export type TensorsWritten = (tensors: number, of: number) => void;

/** The two state dicts of an official model. */
export interface States {
  readonly transformer: OfficialState;
  readonly tokenizer: OfficialState;
}

type PartName = WeightedComponent | 'order';

/** A model that a format has read from official state dicts. */
export interface Reading {
  readonly configs: Readonly<Record<PartName, unknown>>;
  /** Every tensor of the state dicts that belongs to a part. */
  readonly tensors: Readonly<Record<WeightedComponent, readonly SavedTensor[]>>;
  /** Number of classes. */
  readonly classes: number;
  readonly description: string;
  /** Settings that neither the files nor the request give, in words: `groups 32 (--groups), as in the official code`. */
  readonly assumed: readonly string[];
  readonly defaults: ModelManifest['defaults'];
  /** Fits the tokenizer's preview; its config takes it as `preview`. */
  fitPreview(context: BuildContext): Promise<LinearPreview>;
}

/** A model folder with open weight files. */
interface StoredModel {
  readonly folder: string;
  readonly manifest: ModelManifest;
  readonly files: Readonly<Record<WeightedComponent, Checkpoint>>;
}

/** An official file to be written. */
interface StateFile {
  readonly file: string;
  readonly tensors: readonly WritableTensor[];
  /** Settings that shapes do not show. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Called with each setting that was assumed: `groups 32 (--groups), as in the official code`. */
export type Assume = (what: string) => void;

/** Official files of one family of models: how they are recognised, read and written. */
export interface WeightFormat {
  /** For people: `VAR`. */
  readonly name: string;
  readonly marks: Readonly<Record<keyof States, StateMark>>;
  /** Names of the plug-ins of its models. */
  readonly plugins: Readonly<Record<PartName, string>>;
  /** The hints that it accepts. */
  readonly hints: readonly (keyof ImportHints)[];
  /** True if published samples come from averaged weights. */
  readonly averaged: boolean;
  /** @throws TesseraError for state dicts or hints that do not describe a model */
  read(states: States, hints: ImportHints): Promise<Reading>;
  write(model: StoredModel): Readonly<Record<keyof States, StateFile>>;
}

/** All tensors of a model's file, unchanged. */
export function storedTensors(file: Checkpoint): WritableTensor[] {
  return [...file.tensors.values()].map(({ name, dtype, shape }) => ({
    name,
    dtype,
    shape,
    bytes: () => file.read(name),
  }));
}

/** Keys of an exported file's metadata; each value is JSON. Official files have none of them. */
export const noteKeys = {
  model: 'tessera.model',
  backbone: 'tessera.backbone',
  tokenizer: 'tessera.tokenizer',
  preview: 'tessera.preview',
} as const;

export type ModelFacts = ReturnType<typeof modelFacts.parse>;

/** The note of a model's title, licence, classes and defaults. */
export function modelNote({ title, description, licence, data, classes, defaults }: ModelManifest): string {
  return JSON.stringify({ title, description, licence, data, classes, defaults });
}

/** @throws TesseraError notes-malformed, or field-... that names the field */
export function readModelNote(state: Pick<OfficialState, 'who' | 'values'>): ModelFacts | null {
  return readNote(state, noteKeys.model, modelFacts);
}

/**
 * What an export wrote under this key; null if the file has no such note.
 * @throws TesseraError notes-malformed, or field-... that names the field
 */
export function readNote<T>(
  { values, who }: Pick<OfficialState, 'who' | 'values'>,
  key: string,
  notes: Schema<T>,
): T | null {
  const text = values.get(key);
  if (typeof text !== 'string') return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new TesseraError({
      code: 'notes-malformed',
      who,
      got: `metadata ${key} that is not JSON`,
      expected: 'what an export writes there',
      next: 'Export the model again.',
      cause,
    });
  }
  return notes.parse(value, `${who}, ${key}`);
}

/** The tokenizer's preview; its plug-in's schema judges it. @throws TesseraError notes-malformed */
export function readPreviewNote(state: Pick<OfficialState, 'who' | 'values'>): unknown {
  return readNote(state, noteKeys.preview, anything);
}

/** The number of numbered modules under a path. */
export function countModules(shapes: Shapes, path: string): number {
  const numbers = new Set<string>();
  for (const name of shapes.keys()) {
    const number = name.startsWith(`${path}.`) ? name.slice(path.length + 1).split('.')[0]! : '';
    if (/^\d+$/.test(number)) numbers.add(number);
  }
  return numbers.size;
}

/** The shape of a tensor that a state dict must have. @throws TesseraError state-shape */
export function shapeOf(shapes: Shapes, name: string, { rank, who }: { rank: number; who: string }): readonly number[] {
  const shape = shapes.get(name);
  if (shape?.length === rank) return shape;
  throw new TesseraError({
    code: 'state-shape',
    who,
    got: shape ? `${name} [${shape.join(', ')}]` : `no ${name}`,
    expected: `${name} with ${rank} axes, as in an official state dict`,
    next: 'Check that this is the file you meant.',
  });
}

/** Groups of every group normalisation in the official autoencoders, whatever their size. */
const officialCount = 32;

/**
 * The number of groups if no source gives it: that of the official code, reported as assumed.
 * @throws TesseraError groups-unknown if the channels of some level are not divisible by it
 */
export function officialGroups(
  { ch, ch_mult }: { readonly ch: number; readonly ch_mult: readonly number[] },
  { who, assume }: { readonly who: string; readonly assume?: Assume | undefined },
): number {
  const channels = ch_mult.map((mult) => ch * mult);
  if (channels.some((one) => one % officialCount !== 0)) {
    throw new TesseraError({
      code: 'groups-unknown',
      who,
      got: `levels of ${channels.join(', ')} channels, which are not divisible by the ${officialCount} groups of the official code`,
      expected: 'the number of groups of its normalisations, which weights do not show',
      next: 'State it: --groups.',
    });
  }
  assume?.(`groups ${officialCount} (--groups), as in the official code`);
  return officialCount;
}
