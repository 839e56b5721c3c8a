import type { GuidanceKind, PreviewKind } from '@tessera/core';
import type { MaskingRecipe } from './masking.ts';
import type { TrainingRecipe } from './optimiser.ts';

/** Where images come from. Relative paths start at the recipe's folder. */
export type DataRecipe = {
  /** At most so many images for training; 0: all. Validation and test stay whole. */
  readonly limit: number;
} & (
  | { readonly kind: 'mnist'; readonly size: number; readonly validation: number }
  | {
      readonly kind: 'idx';
      readonly train: { readonly images: string; readonly labels: string };
      readonly test: { readonly images: string; readonly labels: string };
      readonly size: number;
      readonly validation: number;
      readonly classes: readonly string[];
    }
  | {
      readonly kind: 'folder';
      readonly path: string;
      readonly size: number;
      readonly channels: number;
      readonly validation: number;
      readonly test: number;
      /** Whether a mirrored image is as good as the image itself: training then sees both. */
      readonly flips: boolean;
    }
);

/** A judge that ships with Tessera, or one to train. */
export type JudgeRecipe =
  | { readonly kind: 'shipped'; readonly name: string }
  | ({
      readonly kind: 'train';
      /** Channels of the levels; the last is the number of features. */
      readonly widths: readonly number[];
      /** Images move by up to so many pixels. */
      readonly shift: number;
    } & TrainingRecipe);

export interface PartRecipe {
  readonly plugin: string;
  readonly config: unknown;
}

export interface ModelRecipe {
  readonly tokenizer: PartRecipe;
  readonly order: PartRecipe;
  readonly backbone: PartRecipe;
  readonly head: PartRecipe;
  readonly defaults: {
    readonly guidance: { readonly kind: GuidanceKind; readonly scale: number };
    readonly options: Readonly<Record<string, unknown>>;
    readonly preview: PreviewKind;
  };
}

/** What every autoencoder is trained for, besides what its kind adds. */
export interface ReconstructionRecipe {
  readonly l1: number;
  readonly l2: number;
  /** Weight of the perceptual term, on the judge's features; 0 for none. */
  readonly perceptual: number;
  readonly adversarial: {
    readonly weight: number;
    readonly from: number;
    readonly width: number;
    readonly levels: number;
  } | null;
}

/** Stage one by vector quantisation. */
export interface VqRecipe extends TrainingRecipe {
  readonly kind: 'vq';
  readonly loss: ReconstructionRecipe;
  readonly codebook: {
    /** Images whose residuals the codes start from; 0 leaves them as initialised. */
    readonly startImages: number;
    /** A code hit less than this share of the mean is dead. */
    readonly deadBelow: number;
    /** Dead codes start again until this share of the training. */
    readonly reviveUntil: number;
    readonly reviveEvery: number;
  };
}

/** Stage one by a variational autoencoder. */
export interface KlRecipe extends TrainingRecipe {
  readonly kind: 'kl';
  /** `kl` weighs the divergence from the standard normal distribution, averaged over the latent's numbers. */
  readonly loss: ReconstructionRecipe & { readonly kl: number };
}

/** Stage one, a training: `kl` trains tokenizers of the plug-ins `kl` and `kl-scales`. */
export type TokenizerRecipe = VqRecipe | KlRecipe;

/** Stage one without a training: the weights of a model's tokenizer, and nothing else of it. */
export interface TakenTokenizer {
  readonly kind: 'model';
  /** A model's name, or the path of its folder. */
  readonly model: string;
}

/** Stage two: backbone and head on the tokens of stage one. */
export interface GeneratorRecipe extends TrainingRecipe {
  readonly labelDrop: number;
  /** For backbones that read estimates: coarse scales first. */
  readonly progressive: { readonly until: number; readonly first: number; readonly fade: number } | null;
  /**
   * For backbones that read known tokens; null: `maskingDefaults`. A generator that is to write its last tokens one by one
   * must have seen shares as small as that.
   */
  readonly masking: MaskingRecipe | null;
}

/** A training from data to a model folder, as JSON. */
export interface Recipe {
  readonly format: 'tessera-recipe';
  readonly version: number;
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly licence: string;
  readonly seed: number;
  readonly data: DataRecipe;
  readonly judge: JudgeRecipe | null;
  readonly model: ModelRecipe | null;
  readonly tokenizer: TokenizerRecipe | TakenTokenizer | null;
  readonly generator: GeneratorRecipe | null;
  readonly evaluation: { readonly samples: number; readonly neighbours: number };
}
