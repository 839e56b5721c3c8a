export { categoricalHead } from './categorical-head.ts';
export { categoricalLoss } from './categorical-loss.ts';
export type { CategoricalConfig, CategoricalOptions } from './config.ts';
export { drawIndex } from './draw-index.ts';
export { filterLogits, type Filter } from './filter-logits.ts';
export { mixGuided } from './mix-guided.ts';
export { mixCodebook, smoothTemperature, smoothWeights } from './smooth-tokens.ts';
