export { fsqTokenizer } from './fsq-tokenizer.ts';
