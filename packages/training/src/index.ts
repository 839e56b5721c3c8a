export type { DataSet, ImageSize, Split } from './data/data-set.ts';
export { openIdx, type IdxData } from './data/idx-data.ts';
export { openImageFolder, type FolderData } from './data/image-folder.ts';
export { openMnist } from './data/mnist.ts';
export { openData } from './data/open-data.ts';

export { readRecipe, type LoadedRecipe } from './recipe/read-recipe.ts';
export { recipeSchema } from './recipe/recipe-schema.ts';
export type { OptimiserRecipe, TrainingRecipe } from './recipe/optimiser.ts';
export type { ArRecipe, DataRecipe, JudgeRecipe, ModelRecipe, PartRecipe, Recipe, VqRecipe } from './recipe/recipe.ts';

export { emaDecay } from './schedule/ema-decay.ts';
export { learningRate, type LearningRate } from './schedule/learning-rate.ts';
export { progressiveStage, progressiveWeights, tokenWeights, type Progressive } from './schedule/progressive.ts';
export { weightDecay } from './schedule/weight-decay.ts';

export {
  nextScaleLoss,
  type NextScaleLossOptions,
  type NextScaleParts,
  type TokenBatch,
} from './loss/next-scale-loss.ts';
export { perceptualLoss, type FeatureNetwork } from './loss/perceptual.ts';
export { vqLoss, type VqLoss, type VqLossOptions } from './loss/vq-loss.ts';
export { discriminatorLoss, patchDiscriminator, type Discriminator } from './loss/patch-discriminator.ts';

export { trainedParams } from './trainer/ar-stage.ts';
export { runStage, type StageResult, type StageRun } from './trainer/run-stage.ts';
export type { Batch, Cadence, Figures, Stage } from './trainer/stage.ts';

export { runRecipe, type RunResult } from './run/run-recipe.ts';
export type { RunRequest } from './run/room.ts';
export { recipeFacts, type FactsRequest, type RecipeFacts, type StageFacts } from './run/recipe-facts.ts';

export {
  evaluateReconstruction,
  evaluateSamples,
  judgeAccuracy,
  type EvaluationRequest,
  type ReconstructionFigures,
  type SampleFigures,
} from './evaluation/evaluate.ts';
export { frechetDistance } from './evaluation/frechet.ts';
export { fitGaussian, type Gaussian } from './evaluation/gaussian.ts';
export { openJudge, type Judge, type JudgeConfig } from './evaluation/judge.ts';
export { nearestNeighbours, type Neighbours } from './evaluation/neighbours.ts';
export { psnr } from './evaluation/psnr.ts';
export { openShippedJudge, type ShippedJudge } from './evaluation/shipped-judge.ts';

export { jsonLog, type JsonLog, type LogLine } from './report/json-log.ts';
export { lineChart, type Series } from './report/line-chart.ts';
export { progressBar, type Progress } from './report/progress.ts';
