export { patchesTokenizer } from './patches-tokenizer.ts';
