export { axes, cells, nameOf, type Cell } from './cell.ts';
export type { Refusal } from './cell-parts.ts';
export type { Ground, GroundTokenizer } from './ground.ts';
export { pageOf, type Verdicts } from './page.ts';
export { tryCell, type Trained } from './try-cell.ts';
