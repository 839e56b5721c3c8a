export { encodePng } from './png.ts';
export { enlarge, tile, type TileOptions } from './tile.ts';
