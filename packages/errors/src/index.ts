export { decodeText, parseJson } from './json.ts';
export { printable, printableLines } from './printable.ts';
export { causeStack, describeRejection, isTesseraError, TesseraError, type ErrorParts } from './tessera-error.ts';
