import type { MaskedConfig } from '@tessera/backbones';
import { schema } from '@tessera/schema';
import type { DiffusionConfig } from '@tessera/head-diffusion';
import type { KlConfig } from '@tessera/tokenizer-continuous';

const { integer, number, object } = schema;

/** What neither names nor shapes of a MAR state dict tell: its own ranges are judged by the plug-ins' schemas. */
export const generatorNotes = object({
  heads: object({ encoder: integer({ min: 1 }), decoder: integer({ min: 1 }) }),
  dropout: number(),
  repeats: integer({ min: 1 }),
  patchSize: integer({ min: 1 }),
});

/** The same of a KL-VAE. */
export const tokenizerNotes = object({ latentScale: number(), groups: integer({ min: 1 }) });

type GeneratorNotes = ReturnType<typeof generatorNotes.parse>;
type TokenizerNotes = ReturnType<typeof tokenizerNotes.parse>;

export function generatorNote(
  { encoder, decoder, dropout }: MaskedConfig,
  { repeats }: DiffusionConfig,
  { patch_size }: KlConfig,
): string {
  const heads = { encoder: encoder.heads, decoder: decoder.heads };
  const notes: GeneratorNotes = { heads, dropout, repeats, patchSize: patch_size };
  return JSON.stringify(notes);
}

export function tokenizerNote({ latentScale, groups }: KlConfig): string {
  const notes: TokenizerNotes = { latentScale, groups };
  return JSON.stringify(notes);
}
