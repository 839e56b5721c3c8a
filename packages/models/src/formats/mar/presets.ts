import type { MaskedConfig } from '@tessera/backbones';
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

/** The published model of this width, which names do not tell from one of ours. */
export function publishedMar(width: number): MarPreset | null {
  return Object.values(marPresets).find(({ backbone }) => backbone.encoder.width === width) ?? null;
}
