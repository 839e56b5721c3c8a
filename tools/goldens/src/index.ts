export { furthest } from './furthest.ts';
export { goldenNames, readGolden, type Golden } from './golden.ts';
export { goldenWeights, type GoldenWeights } from './golden-weights.ts';
export { marInventory, varInventory, varSchedules, type ModelInventory, type VarSchedules } from './tables.ts';
