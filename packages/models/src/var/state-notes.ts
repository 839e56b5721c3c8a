import type { NextScaleConfig } from '@tessera/backbones';
import type { Checkpoint } from '@tessera/checkpoints';
import { schema, type Schema } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import type { VqConfig } from '@tessera/tokenizer-vq';
import { modelFacts } from '../manifest.ts';
import type { ModelManifest } from '../model.ts';

const { boolean, choice, integer, list, number, object } = schema;

/** Keys of an exported file's metadata; each value is JSON. Official files have none of them. */
const keys = { model: 'tessera.model', backbone: 'tessera.backbone', tokenizer: 'tessera.tokenizer' } as const;

const backboneNotes = object({
  patchNums: list(integer({ min: 1, max: 1024 }), { min: 1, max: 64 }),
  heads: integer({ min: 1 }),
  dropPath: number(),
  initModulation: number(),
  initGate: number(),
  cache: choice('kv', 'none'),
});

const tokenizerNotes = object({
  quant_resi: number(),
  using_znorm: boolean(),
  beta: number(),
  groups: integer({ min: 1 }),
  /** False: the file's usage of codes is made up of zeros, since nobody counted. */
  counted: boolean(),
});

/** What neither names nor shapes of a state dict tell: its own ranges are judged by the plug-ins' schemas. */
export type BackboneNotes = ReturnType<typeof backboneNotes.parse>;
export type TokenizerNotes = ReturnType<typeof tokenizerNotes.parse>;
export type ModelFacts = ReturnType<typeof modelFacts.parse>;

export interface TransformerNotes {
  readonly model: ModelFacts | null;
  readonly backbone: BackboneNotes | null;
}

/** Metadata of an exported transformer. */
export function transformerMetadata(
  { title, description, licence, data, classes, defaults }: ModelManifest,
  { patch_nums }: VqConfig,
  { heads, dropPath, initModulation, initGate, cache }: NextScaleConfig,
): Record<string, string> {
  const backbone: BackboneNotes = { patchNums: patch_nums, heads, dropPath, initModulation, initGate, cache };
  const model: ModelFacts = { title, description, licence, data, classes, defaults };
  return { [keys.model]: JSON.stringify(model), [keys.backbone]: JSON.stringify(backbone) };
}

/** Metadata of an exported tokenizer. */
export function tokenizerMetadata(config: VqConfig, counted: boolean): Record<string, string> {
  const { quant_resi, using_znorm, beta, groups } = config;
  const notes: TokenizerNotes = { quant_resi, using_znorm, beta, groups, counted };
  return { [keys.tokenizer]: JSON.stringify(notes) };
}

/** @throws TesseraError notes-malformed, or field-... that names the field */
export function readTransformerNotes(file: Checkpoint): TransformerNotes {
  return { model: read(file, keys.model, modelFacts), backbone: read(file, keys.backbone, backboneNotes) };
}

/** @throws TesseraError notes-malformed, or field-... that names the field */
export function readTokenizerNotes(file: Checkpoint): TokenizerNotes | null {
  return read(file, keys.tokenizer, tokenizerNotes);
}

/** Null where the file says nothing. */
function read<T>({ values, path }: Checkpoint, key: string, notes: Schema<T>): T | null {
  const text = values.get(key);
  if (typeof text !== 'string') return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new TesseraError({
      code: 'notes-malformed',
      who: path,
      got: `metadata ${key} that is not JSON`,
      expected: 'what an export writes there',
      next: 'Export the model again.',
      cause,
    });
  }
  return notes.parse(value, `${path}, ${key}`);
}
