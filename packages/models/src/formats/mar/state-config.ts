import { maskedEncoderDecoder, type MaskedConfig, type TransformerConfig } from '@tessera/backbones';
import { TesseraError } from '@tessera/errors';
import { diffusionHead, type DiffusionConfig } from '@tessera/head-diffusion';
import { kl16, klConfig, type KlConfig } from '@tessera/tokenizer-continuous';
import type { Shapes } from '../../weights.ts';
import { countModules, officialGroups, shapeOf, type Assume } from '../weight-format.ts';

export interface MarStateConfig {
  readonly backbone: MaskedConfig & { readonly classes: number };
  readonly head: DiffusionConfig;
  /** Tokens of an image. */
  readonly length: number;
  /** Channels of a token. */
  readonly channels: number;
}

/** Settings that shapes do not show. */
interface MarStateHints {
  readonly who: string;
  /** Default: those of the published model of the same depths and widths. */
  readonly heads?: Heads;
  /** `dropout` and `repeats` only matter for training. */
  readonly dropout?: number | undefined;
  readonly repeats?: number | undefined;
  /** Called with each assumed setting. */
  readonly assume?: Assume;
}

/** Attention heads of each transformer, if known. */
export interface Heads {
  readonly encoder: number | undefined;
  readonly decoder: number | undefined;
}

/**
 * Configuration of MAR's transformers and denoiser from the shapes of an official state dict.
 * @throws TesseraError state-shape, heads-unknown, field-...
 */
export function configOfMarState(shapes: Shapes, hints: MarStateHints): MarStateConfig {
  const { who, dropout, repeats } = hints;
  const shape = (name: string, rank: number) => shapeOf(shapes, name, { rank, who });
  const [, length, decoderWidth] = shape('diffusion_pos_embed_learned', 3) as [number, number, number];
  const [, positions] = shape('encoder_pos_embed_learned', 3) as [number, number];
  const [classes, encoderWidth] = shape('class_emb.weight', 2) as [number, number];
  const [hidden] = shape('encoder_blocks.0.mlp.fc1.weight', 2) as [number];
  const [, channels] = shape('z_proj.weight', 2) as [number, number];
  const [denoiserWidth] = shape('diffloss.net.input_proj.weight', 2) as [number];
  const encoder = { depth: countModules(shapes, 'encoder_blocks'), width: encoderWidth };
  const decoder = { depth: countModules(shapes, 'decoder_blocks'), width: decoderWidth };
  const heads = completeHeads({ encoder, decoder }, hints);
  const backbone = {
    classes,
    encoder: { ...encoder, heads: heads.encoder },
    decoder: { ...decoder, heads: heads.decoder },
    buffer: positions - length,
    mlpRatio: hidden / encoderWidth,
    dropout,
  };
  const head = { blocks: countModules(shapes, 'diffloss.net.res_blocks'), width: denoiserWidth, repeats };
  return {
    backbone: { ...maskedEncoderDecoder.config.parse(backbone, who), classes: backbone.classes },
    head: diffusionHead.config.parse(head, who),
    length,
    channels,
  };
}

type Sizes = Readonly<Record<'encoder' | 'decoder', Pick<TransformerConfig, 'depth' | 'width'>>>;

function completeHeads(
  { encoder, decoder }: Sizes,
  { who, heads, assume }: MarStateHints,
): Record<keyof Heads, number> {
  if (heads?.encoder !== undefined && heads.decoder !== undefined) {
    return { encoder: heads.encoder, decoder: heads.decoder };
  }
  const published = publishedMar(encoder, decoder)?.backbone.encoder.heads;
  if (published === undefined) {
    const sizes = [encoder, decoder].map(({ depth, width }) => `${depth} blocks of width ${width}`).join(' and ');
    throw new TesseraError({
      code: 'heads-unknown',
      who,
      got: `${sizes}, which no published MAR model has`,
      expected: 'the number of attention heads, which weights do not show',
      next: 'State it: --heads.',
    });
  }
  assume?.(`${published} heads (--heads), those of the published model of these depths and widths`);
  return { encoder: heads?.encoder ?? published, decoder: heads?.decoder ?? published };
}

/** Settings that shapes do not show. */
interface KlStateHints {
  readonly who: string;
  /** Tokens in a row of an image. Default: 16. */
  readonly tokensAcross?: number;
  /** Side of the square of latents that forms one token. Default: 1. */
  readonly patchSize?: number;
  /** Default: that of the published KL-16 for weights of its shapes; other weights are refused. */
  readonly latentScale?: number | undefined;
  readonly groups?: number | undefined;
  /** Called with each assumed setting. */
  readonly assume?: Assume;
}

/**
 * Configuration of the KL-VAE from the shapes of its official state dict. Settings that shapes do not show default to those
 * of the official code.
 * @throws TesseraError state-shape, latent-scale, field-...
 */
export function configOfKlState(shapes: Shapes, hints: KlStateHints): KlConfig {
  const { who, tokensAcross = 16, patchSize = 1 } = hints;
  const shape = (name: string, rank: number) => shapeOf(shapes, name, { rank, who });
  const [z_channels] = shape('post_quant_conv.weight', 4);
  const [ch, in_channels] = shape('encoder.conv_in.weight', 4);
  const levels = Array.from({ length: countModules(shapes, 'encoder.down') }, (_, level) => level);
  const ch_mult = levels.map((level) => shape(`encoder.down.${level}.block.0.conv1.weight`, 4)[0]! / ch!);
  const resolution = tokensAcross * patchSize * 2 ** (levels.length - 1);
  const attending = levels.filter((level) => countModules(shapes, `encoder.down.${level}.attn`) > 0);
  const published = z_channels === kl16.z_channels && ch === kl16.ch && String(ch_mult) === String(kl16.ch_mult);
  const latentScale = hints.latentScale ?? publishedScale(published, hints);
  const groups = hints.groups ?? officialGroups({ ch: ch!, ch_mult }, hints);
  const config = {
    z_channels,
    ch,
    ch_mult,
    num_res_blocks: countModules(shapes, 'encoder.down.0.block'),
    in_channels,
    resolution,
    attn_resolutions: attending.map((level) => resolution / 2 ** level),
    groups,
    patch_size: patchSize,
    latentScale,
  };
  return klConfig.parse(config, who);
}

function publishedScale(published: boolean, { who, assume }: KlStateHints): number {
  if (!published) {
    throw new TesseraError({
      code: 'latent-scale',
      who,
      got: 'no latent scale for a tokenizer of other shapes than the published KL-16',
      expected: '1 over the standard deviation of its latents, which weights do not show',
      next: 'State it: --latent-scale.',
    });
  }
  assume?.(
    `the latent scale ${kl16.latentScale} (--latent-scale), that of the published KL-16, which has these shapes`,
  );
  return kl16.latentScale;
}

interface PatchFacts {
  readonly who: string;
  /** Channels of the generator's tokens. */
  readonly tokenChannels: number;
  /** Channels of the tokenizer's latents. */
  readonly latentChannels: number;
  /** The patch size from the request or the generator's file. */
  readonly said: number | undefined;
}

/**
 * The side of the square of latents that forms one token: a token has the channels of all latents of the square.
 * @throws TesseraError channels-mismatch, patch-mismatch
 */
export function patchSizeOf({ who, tokenChannels, latentChannels, said }: PatchFacts): number {
  const side = Math.sqrt(tokenChannels / latentChannels);
  const fits = Number.isInteger(side) && side >= 1;
  if (fits && (said === undefined || said === side)) return side;
  const got = `tokens of ${tokenChannels} channels and a tokenizer whose latents have ${latentChannels}`;
  if (fits) {
    throw new TesseraError({
      code: 'patch-mismatch',
      who,
      got: `weights of another patch size: ${got}, a patch size of ${side}`,
      expected: `${said}, as the generator was made with`,
      next: 'Take the tokenizer that belongs to the generator.',
    });
  }
  throw new TesseraError({
    code: 'channels-mismatch',
    who,
    got,
    expected: `latents of ${tokenChannels} channels, or of that many over the square of a patch size`,
    next: 'Take the tokenizer that belongs to the generator.',
  });
}

/** A published MAR model (arXiv 2406.11838, table 4 and the official model zoo): 256 tokens of KL-16 latents. */
export interface MarPreset {
  readonly backbone: MaskedConfig & { readonly classes: number };
  readonly head: DiffusionConfig;
  /** Scale of the linear guidance in its published evaluation. */
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
    backbone: {
      classes: 1000,
      attends: false,
      map: false,
      encoder: transformer,
      decoder: transformer,
      buffer: 64,
      mlpRatio: 4,
      dropout: 0.1,
    },
    head: { blocks, width, repeats: 4 },
    guidance,
  };
}

export const marPresets: Readonly<Record<MarName, MarPreset>> = {
  base: preset({ depth: 12, width: 768, heads: 12, head: [6, 1024], guidance: 2.9 }),
  large: preset({ depth: 16, width: 1024, heads: 16, head: [8, 1280], guidance: 3 }),
  huge: preset({ depth: 20, width: 1280, heads: 16, head: [12, 1536], guidance: 3.2 }),
};

type TransformerSize = Pick<TransformerConfig, 'depth' | 'width'>;

/** The published model whose encoder and decoder both have these depths and widths. */
export function publishedMar(encoder: TransformerSize, decoder: TransformerSize): MarPreset | null {
  const like = (a: TransformerSize, b: TransformerSize) => a.depth === b.depth && a.width === b.width;
  const all = Object.values(marPresets);
  return all.find(({ backbone }) => like(backbone.encoder, encoder) && like(backbone.decoder, decoder)) ?? null;
}
