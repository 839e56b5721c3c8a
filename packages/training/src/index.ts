export { attributeReport, type AttributeReport } from './evaluation/attribute-report.ts';
export { readRecipe, type LoadedRecipe } from './recipe/recipe.ts';
export type { Recipe } from './recipe/recipe.ts';
export { runRecipe, type RunResult } from './run/run-recipe.ts';
export type { RunRequest } from './run/training-run.ts';
export { recipeFacts, type RecipeFacts } from './run/recipe-facts.ts';
export { buildTrained } from './run/recipe-parts.ts';

export type { DataSet } from './data/data-set.ts';
export { noAugmentation } from './data/augment.ts';
export { openData } from './data/data-kinds.ts';
export { findImages, openImageFolder } from './data/image-folder.ts';
export { writeDataFolder } from './report/data-folder.ts';

export { jsonLog, type JsonLog, type LogLine } from './report/training-log.ts';

export type { Stage } from './stage/stage.ts';
export { learningRate, weightDecay, type LearningRate } from './stage/optimiser.ts';

export { encodedSplit, type EncodedSplit } from './tokenizers/encoded-split.ts';
export { scaleStdOf } from './tokenizers/kl.ts';
export { vqLoss } from './tokenizers/vq.ts';

export { generatorStage } from './generator/generator-stage.ts';
export type { GeneratorRecipe } from './generator/objective.ts';
export { nextScaleLoss, progressiveStage, tokenWeights, type ScaleBatch } from './generator/next-scale.ts';
export { knownTokens, maskedLoss, maskRate, type CutBounds, type MaskedBatch } from './generator/masked.ts';

export { requireJudgeable, requireSameClasses } from './evaluation/comparable-data.ts';
export { askedOf, type Asked } from './evaluation/asked.ts';
export { generateSamples, openTokenizer, reconstructAll } from './evaluation/make-images.ts';
export { splitSource } from './evaluation/split-source.ts';
export {
  evaluateReconstruction,
  evaluateSamples,
  judgeSamples,
  type JudgedFigures,
  type ReconstructionFigures,
} from './evaluation/evaluate.ts';
export { mergeAdapter } from './run/adapter-file.ts';
export { runBatch, type BatchResult } from './run/run-batch.ts';
