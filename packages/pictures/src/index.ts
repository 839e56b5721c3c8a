export { fitBytes, fitPicture } from './fit-picture.ts';
export { keepPicture, type StoredPicture } from './keep-picture.ts';
export { openOwnPicture, openPicture, pictureSuffixes, type Picture } from './open-picture.ts';
export { encodePng } from './png.ts';
export { prepareEdit, showKept, type EditWish, type PreparedEdit } from './prepare-edit.ts';
export { checkRegion, type Box, type Region } from './region.ts';
export { enlarge, tile, type TileOptions } from './tile.ts';
