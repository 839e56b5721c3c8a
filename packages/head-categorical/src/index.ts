export { filterLogits, type Filter } from './filter.ts';
export { categoricalHead, type CategoricalOptions } from './head.ts';
export { drawIndex, smoothWeights } from './sampling.ts';
