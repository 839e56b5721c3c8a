export { gaussianHead } from './gaussian-head.ts';
