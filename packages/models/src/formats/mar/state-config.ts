import { maskedEncoderDecoder, type MaskedConfig, type TransformerConfig } from '@tessera/backbones';
import { TesseraError } from '@tessera/errors';
import { diffusionHead, type DiffusionConfig } from '@tessera/head-diffusion';
import { kl16, klConfig, type KlConfig } from '@tessera/tokenizer-continuous';
import { countModules, shapeOf, type Shapes } from '../state-shapes.ts';
import { officialGroups } from '../official-groups.ts';
import type { Assume } from '../weight-format.ts';
import { publishedMar } from './presets.ts';

export interface MarStateConfig {
  readonly backbone: MaskedConfig;
  readonly head: DiffusionConfig;
  /** Tokens of an image. */
  readonly length: number;
  /** Channels of a token. */
  readonly channels: number;
}

/** What shapes do not tell. */
export interface MarStateHints {
  readonly who: string;
  /** Without them, those of the published model of the same depths and widths. */
  readonly heads?: Heads;
  /** What serves training only. */
  readonly dropout?: number | undefined;
  readonly repeats?: number | undefined;
  /** Is told what was assumed. */
  readonly assume?: Assume;
}

/** Attention heads of each transformer, as far as anything says them. */
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
    backbone: maskedEncoderDecoder.config.parse(backbone, who),
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

/** What shapes do not tell. */
export interface KlStateHints {
  readonly who: string;
  /** Tokens in a row of an image; 16 where nobody says. */
  readonly tokensAcross?: number;
  /** Side of the square of latents that makes one token; 1 where nobody says. */
  readonly patchSize?: number;
  /** Without it, weights shaped like the published KL-16 take its scale; others are refused. */
  readonly latentScale?: number | undefined;
  readonly groups?: number | undefined;
  /** Is told what was assumed. */
  readonly assume?: Assume;
}

/**
 * Configuration of the KL-VAE from the shapes of its official state dict; what shapes do not tell takes official values.
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
