import { pixelsOf, TokenCanvas, type Canvas, type Kept, type Reads, type Row } from '@tessera/core';
import { ScaleCanvas, type ScaleCanvasParts } from './scale-canvas.ts';

/** Opens a canvas of scales: one with a running map for backbones that read estimates, else tokens in their places. */
export interface OpenScaleCanvas {
  (rows: readonly Row[], kept: Kept | null, reads: 'estimate'): ScaleCanvas;
  (rows: readonly Row[], kept: Kept | null, reads: Reads): Canvas;
}

/** The canvases of a tokenizer of scales. */
export function scaleCanvases(parts: ScaleCanvasParts): OpenScaleCanvas {
  const { programs } = parts;
  const scattered = {
    ...parts,
    decode: async (values_1LC) => (await pixelsOf(await programs.decodeTokens()(values_1LC)))[0]!,
    preview: async (values_BLC, known_BL) => pixelsOf(await programs.previewTokens()(values_BLC, known_BL)),
  } satisfies ConstructorParameters<typeof TokenCanvas>[0];
  function open(rows: readonly Row[], kept: Kept | null, reads: 'estimate'): ScaleCanvas;
  function open(rows: readonly Row[], kept: Kept | null, reads: Reads): Canvas;
  function open(rows: readonly Row[], kept: Kept | null, reads: Reads): Canvas {
    if (reads === 'estimate') return new ScaleCanvas(parts, rows.length, kept);
    return new TokenCanvas(scattered, { batch: rows.length, kept, reads });
  }
  return open;
}
