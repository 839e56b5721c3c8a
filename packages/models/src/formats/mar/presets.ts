import type { MaskedConfig, TransformerConfig } from '@tessera/backbones';
import type { DiffusionConfig } from '@tessera/head-diffusion';

/** A published MAR model (arXiv 2406.11838, table 4 and the official model zoo): 256 tokens of KL-16 latents. */
export interface MarPreset {
  readonly backbone: MaskedConfig;
  readonly head: DiffusionConfig;
  /** Scale of the linear guidance that its evaluation was published with. */
  readonly guidance: number;
}

export type MarName = 'base' | 'large' | 'huge';

interface Size {
  readonly depth: number;
  readonly width: number;
  readonly heads: number;
  readonly head: readonly [blocks: number, width: number];
  readonly guidance: number;
}

function preset({ head: [blocks, width], guidance, ...transformer }: Size): MarPreset {
  return {
    backbone: { classes: 1000, encoder: transformer, decoder: transformer, buffer: 64, mlpRatio: 4, dropout: 0.1 },
    head: { blocks, width, repeats: 4 },
    guidance,
  };
}

export const marPresets: Readonly<Record<MarName, MarPreset>> = {
  base: preset({ depth: 12, width: 768, heads: 12, head: [6, 1024], guidance: 2.9 }),
  large: preset({ depth: 16, width: 1024, heads: 16, head: [8, 1280], guidance: 3 }),
  huge: preset({ depth: 20, width: 1280, heads: 16, head: [12, 1536], guidance: 3.2 }),
};

type Sizes = Pick<TransformerConfig, 'depth' | 'width'>;

/** The published model whose transformers have these depths and widths; one of them alone tells nothing of the rest. */
export function publishedMar(encoder: Sizes, decoder: Sizes): MarPreset | null {
  const like = (a: Sizes, b: Sizes) => a.depth === b.depth && a.width === b.width;
  const all = Object.values(marPresets);
  return all.find(({ backbone }) => like(backbone.encoder, encoder) && like(backbone.decoder, decoder)) ?? null;
}
