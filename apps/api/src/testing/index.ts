export { programArguments } from './program.ts';
export { canMount, mountSmallDisk, type SmallDisk } from './small-disk.ts';
