import type { NextScaleConfig } from '@tessera/backbones';
import { schema } from '@tessera/schema';
import type { VqConfig } from '@tessera/tokenizer-vq';

const { boolean, choice, integer, list, number, object } = schema;

/** What neither names nor shapes of a VAR transformer tell: its own ranges are judged by the plug-in's schema. */
export const backboneNotes = object({
  patchNums: list(integer({ min: 1, max: 1024 }), { min: 1, max: 64 }),
  heads: integer({ min: 1 }),
  dropPath: number(),
  initModulation: number(),
  initGate: number(),
  cache: choice('kv', 'none'),
});

/** The same of a VQ-VAE. */
export const tokenizerNotes = object({
  quant_resi: number(),
  using_znorm: boolean(),
  beta: number(),
  groups: integer({ min: 1 }),
  /** False: the file's usage of codes is made up of zeros, since nobody counted. */
  counted: boolean(),
});

export type BackboneNotes = ReturnType<typeof backboneNotes.parse>;
export type TokenizerNotes = ReturnType<typeof tokenizerNotes.parse>;

export function backboneNote({ patch_nums }: VqConfig, config: NextScaleConfig): string {
  const { heads, dropPath, initModulation, initGate, cache } = config;
  const notes: BackboneNotes = { patchNums: patch_nums, heads, dropPath, initModulation, initGate, cache };
  return JSON.stringify(notes);
}

export function tokenizerNote({ quant_resi, using_znorm, beta, groups }: VqConfig, counted: boolean): string {
  const notes: TokenizerNotes = { quant_resi, using_znorm, beta, groups, counted };
  return JSON.stringify(notes);
}
