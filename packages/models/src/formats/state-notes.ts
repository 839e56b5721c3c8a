import { schema, type Schema } from '@tessera/schema';
import { TesseraError } from '@tessera/errors';
import { modelFacts } from '../manifest.ts';
import type { ModelManifest } from '../model.ts';
import type { OfficialState } from './official-state.ts';

/** Keys of an exported file's metadata; each value is JSON. Official files have none of them. */
export const noteKeys = {
  model: 'tessera.model',
  backbone: 'tessera.backbone',
  tokenizer: 'tessera.tokenizer',
  preview: 'tessera.preview',
} as const;

export type ModelFacts = ReturnType<typeof modelFacts.parse>;

/** What a model says of itself as a whole. */
export function modelNote({ title, description, licence, data, classes, defaults }: ModelManifest): string {
  const facts: ModelFacts = { title, description, licence, data, classes, defaults };
  return JSON.stringify(facts);
}

/** @throws TesseraError notes-malformed, or field-... that names the field */
export function readModelNote(state: Pick<OfficialState, 'who' | 'values'>): ModelFacts | null {
  return readNote(state, noteKeys.model, modelFacts);
}

/**
 * What an export wrote under this key; null where the file says nothing.
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

const anything = schema.field((value): unknown => value);
