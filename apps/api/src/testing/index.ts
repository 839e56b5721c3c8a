export { canMount, mountSmallDisk, type SmallDisk } from './small-disk.ts';
