export { dropPathRates, type NextScaleConfig } from './next-scale/config.ts';
export { nextScaleTransformer } from './next-scale/next-scale-transformer.ts';
