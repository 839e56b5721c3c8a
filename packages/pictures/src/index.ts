export { encodeAnimation, type Frame } from './animation.ts';
export { fitBytes, fitPicture } from './fit-picture.ts';
export { keepPicture, openOwnPicture, openPicture, pictureSuffixes, type Picture } from './open-picture.ts';
export { readPictures, type PictureSource } from './read-pictures.ts';
export { encodePng, enlarge, tile } from './png.ts';
export { prepareEdit, showKept, type PictureEdit } from './prepare-edit.ts';
