export { TesseraError, isTesseraError, type ErrorParts } from './tessera-error.ts';
