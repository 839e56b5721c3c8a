import type { Tensor4D } from '@tensorflow/tfjs';
import type { LinearPreview } from '@tessera/autoencoder';
import type { Weights } from '@tessera/core';
import { type Engine, tensorFrom, type TraceRng, type TrainResult, type TrainStep } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import type { FreshWeights } from '@tessera/models';
import type { Field } from '@tessera/schema';
import type { DataSet } from '../data/data-set.ts';
import type { TrainingRecipe } from '../stage/optimiser.ts';
import type { Figures, Stage } from '../stage/stage.ts';
import type { EncodedSplit } from './encoded-split.ts';
import type {
  ImageBatch,
  ReconstructionLoss,
  ReconstructionOptions,
  ReconstructionRecipe,
} from './reconstruction-loss.ts';

/** What every autoencoder's section `tokenizer` of a recipe has. */
type AutoencoderRecipe = TrainingRecipe & { readonly loss: ReconstructionRecipe };

/** How tokenizers of one kind are trained: what `tokenizer.kind` of a recipe names. */
export interface TokenizerTrainer<R extends AutoencoderRecipe> {
  /** The section `tokenizer` of a recipe. */
  readonly fields: Field<R>;
  /** The tokenizer plug-ins that it trains, by name. */
  readonly plugins: Readonly<Record<string, MeasuredConfig>>;
  open(request: TokenizerTrainingRequest<R>): TokenizerObjective;
}

export interface TokenizerTrainingRequest<R extends AutoencoderRecipe> {
  readonly recipe: R;
  /** As the tokenizer's plug-in parsed it. */
  readonly config: unknown;
  readonly weights: FreshWeights;
  readonly data: DataSet;
  readonly seed: number;
}

/** What a kind of autoencoder adds to the reconstruction losses. */
export interface TokenizerObjective {
  loss(options: ReconstructionOptions): (batch: ImageBatch, rng: TraceRng) => ReconstructionLoss;
  /** Names of its own terms among the loss's aux values. */
  readonly terms: readonly string[];
  /** What it does besides gradient steps: start codes from data and revive dead ones, for example. */
  hooks?(trainStep: TrainStep): TrainingHooks;
}

/** Called by the training loop around its steps; see `Stage`. */
export interface TrainingHooks extends Required<Pick<Stage, 'start' | 'after' | 'memory'>> {
  figures(result: TrainResult): Figures;
}

/** The fields of a tokenizer's configuration that are measured after training and cannot be chosen. */
export interface MeasuredConfig {
  /** Fields that trained weights depend on although no shape shows it. Another model's weights need the same values. */
  readonly fixed: readonly string[];
  /** Fields that `measure` gives. */
  readonly measured: readonly string[];
  /**
   * The configuration of a recipe with neutral values for what is measured later.
   * @throws TesseraError `recipe-misfit` if the recipe sets a measured field; `who` is the recipe
   */
  initial(config: object, who: string): object;
  /** Measures a trained tokenizer. Returns the fields to add to its configuration. */
  measure(request: MeasureRequest): Promise<object>;
}

interface MeasureRequest {
  readonly engine: Engine;
  readonly data: DataSet;
  /** The initial configuration, as the plug-in parsed it. */
  readonly config: unknown;
  readonly weights: Weights;
  /** The training data as this tokenizer encodes it. */
  readonly encoded: EncodedSplit;
}

/** Refuses a recipe that sets a measured field. @throws TesseraError `recipe-misfit`; `who` is the recipe */
export function refuseMeasured(config: object, fields: readonly string[], who: string): void {
  const chosen = Object.entries(config).find(([name]) => fields.includes(name));
  if (!chosen) return;
  const [name, value] = chosen;
  throw new TesseraError({
    code: 'recipe-misfit',
    who,
    got: `model.tokenizer.config.${name} = ${JSON.stringify(value)}`,
    expected: 'none: it is measured once the tokenizer is trained',
    next: `Leave ${name} out.`,
  });
}

const PREVIEW_IMAGES = 64;

/** Fits the linear preview of a tokenizer to the first training images, rounded to 5 digits for the manifest. */
export async function measurePreview(
  { train, image }: DataSet,
  fit: (image_BHWC: Tensor4D) => Promise<LinearPreview>,
): Promise<LinearPreview> {
  const count = Math.min(PREVIEW_IMAGES, train.count);
  const pixels = await train.read(Int32Array.from({ length: count }, (_, i) => i));
  const image_BHWC = tensorFrom(pixels, [count, image.height, image.width, image.channels]) as Tensor4D;
  const { weight, bias } = await fit(image_BHWC).finally(() => image_BHWC.dispose());
  return { weight: weight.map((row) => row.map(rounded)), bias: bias.map(rounded) };
}

function rounded(value: number): number {
  return Number(value.toPrecision(5));
}
