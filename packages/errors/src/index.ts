export { causeStack } from './cause-stack.ts';
export { nobodyAwaited } from './nobody-awaited.ts';
export { TesseraError, isTesseraError, type ErrorParts } from './tessera-error.ts';
