import type { Checkpoint, WritableTensor } from '@tessera/checkpoints';
import type { BuildContext } from '@tessera/core';
import type { LinearPreview } from '@tessera/autoencoder';
import type { WeightedComponent } from '../manifest.ts';
import type { ModelManifest } from '../model.ts';
import type { SavedTensor } from '../save-model.ts';
import type { OfficialState, StateMark } from './official-state.ts';

/** What a request says of the weights where neither their shapes nor their files tell. */
export interface ImportHints {
  /** Sides of the scales. */
  readonly patchNums?: readonly number[];
  /** Attention heads of every block. */
  readonly heads?: number;
  /** Groups of the tokenizer's normalisations. */
  readonly groups?: number;
  readonly quantResi?: number;
  readonly usingZnorm?: boolean;
  /** What latents are multiplied by to become tokens. */
  readonly latentScale?: number;
  /** Side of the square of latents that makes one token. */
  readonly patchSize?: number;
}

/** Called when a tensor was read and is written next: how many so far, of how many. */
export type TensorsWritten = (tensors: number, of: number) => void;

/** The two state dicts of an official model. */
export interface States {
  readonly transformer: OfficialState;
  readonly tokenizer: OfficialState;
}

type PartName = WeightedComponent | 'order';

/** What a format makes of official state dicts. */
export interface Reading {
  readonly configs: Readonly<Record<PartName, unknown>>;
  /** Every tensor of the state dicts that the parts shall have. */
  readonly tensors: Readonly<Record<WeightedComponent, readonly SavedTensor[]>>;
  /** Number of classes. */
  readonly classes: number;
  readonly description: string;
  /** What neither the files nor the request say, as sentences: `groups 32 (--groups), as in the official code`. */
  readonly assumed: readonly string[];
  readonly defaults: ModelManifest['defaults'];
  /** Fits the tokenizer's preview; its config takes it as `preview`. */
  fitPreview(context: BuildContext): Promise<LinearPreview>;
}

/** A model folder with open weight files. */
export interface StoredModel {
  readonly folder: string;
  readonly manifest: ModelManifest;
  readonly files: Readonly<Record<WeightedComponent, Checkpoint>>;
}

/** An official file to be written. */
export interface StateFile {
  readonly file: string;
  readonly tensors: readonly WritableTensor[];
  /** What shapes do not tell. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Is told what was assumed since nothing says it: `groups 32 (--groups), as in the official code`. */
export type Assume = (what: string) => void;

/** Official files of one family of models: how they are known, what parts they lead to, and how they are written. */
export interface WeightFormat {
  /** For people: `VAR`. */
  readonly name: string;
  readonly marks: Readonly<Record<keyof States, StateMark>>;
  /** Names of the plug-ins that its models are made of. */
  readonly plugins: Readonly<Record<PartName, string>>;
  /** The hints that it takes. */
  readonly hints: readonly (keyof ImportHints)[];
  /** True where published samples come from averaged weights. */
  readonly averaged: boolean;
  /** @throws TesseraError for state dicts or hints that lead to no model */
  read(states: States, hints: ImportHints): Promise<Reading>;
  write(model: StoredModel): Readonly<Record<keyof States, StateFile>>;
}

/** Tensors of a model's file as they are. */
export function storedTensors(file: Checkpoint): WritableTensor[] {
  return [...file.tensors.values()].map(({ name, dtype, shape }) => ({
    name,
    dtype,
    shape,
    bytes: () => file.read(name),
  }));
}
