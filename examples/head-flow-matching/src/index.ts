export { flowMatchingHead } from './flow-matching-head.ts';
