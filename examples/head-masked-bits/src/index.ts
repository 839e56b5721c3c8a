export { maskedBitsHead } from './masked-bits-head.ts';
