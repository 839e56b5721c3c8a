export { openChain, takeStep, type Chain, type ChainStep } from './chain.ts';
export type { DiffusionConfig, DiffusionOptions } from './config.ts';
export { openDenoiser, type Denoiser } from './denoiser.ts';
export type { DenoiserDims } from './denoiser-params.ts';
export { diffusionHead } from './diffusion-head.ts';
export { addNoise, diffusionLosses, type DenoisedRows, type DiffusionLosses } from './diffusion-loss.ts';
export { diffusionTables, type DiffusionTables } from './diffusion-tables.ts';
export { keptTimesteps } from './respacing.ts';
export { timestepFeatures } from './timestep-features.ts';
