export { nextScaleLoss, type NextScaleLossOptions, type NextScaleParts, type TokenBatch } from './loss/next-scale-loss.ts';
export { vqLoss, type VqLoss, type VqLossOptions } from './loss/vq-loss.ts';
export { learningRate, type LearningRate } from './schedule/learning-rate.ts';
export { progressiveStage, progressiveWeights, tokenWeights, type Progressive } from './schedule/progressive.ts';
export { weightDecay } from './schedule/weight-decay.ts';
