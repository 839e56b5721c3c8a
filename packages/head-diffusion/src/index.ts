export { openDenoiser, timestepFeatures, type Denoiser } from './denoiser.ts';
export { diffusionHead } from './head.ts';
export { addNoise, diffusionLosses } from './loss.ts';
export type { DiffusionConfig, DiffusionOptions } from './options.ts';
export { takeStep } from './sampler.ts';
export { diffusionTables, keptTimesteps, openChain, type Chain, type DiffusionTables } from './schedule.ts';
