export type { DataSet, ImageSize, Split } from './data/data-set.ts';
export { openIdx, type IdxData } from './data/idx-data.ts';
export { openImageFolder, type FolderData } from './data/image-folder.ts';
export { openMnist } from './data/mnist.ts';
export { openData } from './data/open-data.ts';

export { readRecipe, type LoadedRecipe } from './recipe/read-recipe.ts';
export { recipeSchema } from './recipe/recipe-schema.ts';
export type { OptimiserRecipe, TrainingRecipe } from './recipe/optimiser.ts';
export type {
  DataRecipe,
  GeneratorRecipe,
  JudgeRecipe,
  KlRecipe,
  ModelRecipe,
  PartRecipe,
  Recipe,
  ReconstructionRecipe,
  TakenTokenizer,
  TokenizerRecipe,
  VqRecipe,
} from './recipe/recipe.ts';

export { countsOf, cutBounds, knownTokens, type CutBounds } from './schedule/cuts.ts';
export { emaDecay } from './schedule/ema-decay.ts';
export { learningRate, type LearningRate } from './schedule/learning-rate.ts';
export { maskRate, type MaskRates } from './schedule/mask-rate.ts';
export { progressiveStage, progressiveWeights, tokenWeights, type Progressive } from './schedule/progressive.ts';
export { weightDecay } from './schedule/weight-decay.ts';

export { causalLoss, type CausalBatch, type CausalLossOptions } from './loss/causal-loss.ts';
export type { LessonParts } from './loss/lesson-parts.ts';
export { nextScaleLoss, type NextScaleLossOptions, type ScaleBatch } from './loss/next-scale-loss.ts';
export { perceptualLoss, type FeatureNetwork } from './loss/perceptual.ts';
export { klLoss, type KlLossOptions } from './loss/kl-loss.ts';
export { maskedLoss, type MaskedBatch, type MaskedLossOptions } from './loss/masked-loss.ts';
export type { ImageBatch, ReconstructionLoss, ReconstructionOptions } from './loss/reconstruction-loss.ts';
export { vqLoss } from './loss/vq-loss.ts';
export { discriminatorLoss, patchDiscriminator, type Discriminator } from './loss/patch-discriminator.ts';

export { encodedSplit, type EncodedSplit, type EncodeOptions } from './trainer/encoded-split.ts';
export { generatorStage, trainedParams, type GeneratorStageOptions } from './trainer/generator-stage.ts';
export { runStage, type StageResult, type StageRun } from './trainer/run-stage.ts';
export type { Batch, Cadence, Figures, Stage } from './trainer/stage.ts';

export { scaleStdOf } from './tokenizers/scale-std.ts';

export { buildTrained } from './run/build-trained.ts';
export type { RecipeParts } from './run/parts.ts';
export { runRecipe, type RunResult } from './run/run-recipe.ts';
export type { RunRequest } from './run/room.ts';
export { recipeFacts, type FactsRequest, type RecipeFacts, type StageFacts } from './run/recipe-facts.ts';

export {
  evaluateReconstruction,
  evaluateSamples,
  judgeAccuracy,
  type EvaluationRequest,
  type ReconstructionFigures,
  judgeSamples,
  type JudgedFigures,
  type SampleFigures,
} from './evaluation/evaluate.ts';
export { frechetDistance } from './evaluation/frechet.ts';
export { fitGaussian, type Gaussian } from './evaluation/gaussian.ts';
export { openJudge, type Judge, type JudgeConfig } from './evaluation/judge.ts';
export { nearestNeighbours, type Neighbours } from './evaluation/neighbours.ts';
export { requireJudgeable } from './evaluation/judgeable.ts';
export { openTokenizer } from './evaluation/open-tokenizer.ts';
export { requireSameClasses } from './evaluation/same-classes.ts';
export { psnr } from './evaluation/psnr.ts';
export { meanSsim } from './evaluation/ssim.ts';
export { openShippedJudge, type ShippedJudge } from './evaluation/shipped-judge.ts';

export { jsonLog, type JsonLog, type LogLine } from './report/json-log.ts';
export { lineChart, type Series } from './report/line-chart.ts';
