export { causeStack } from './cause-stack.ts';
export { nobodyAwaited } from './nobody-awaited.ts';
export { decodeText, parseJson } from './json.ts';
export { printable, printableLines } from './printable.ts';
export { TesseraError, isTesseraError, type ErrorParts } from './tessera-error.ts';
