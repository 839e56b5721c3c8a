export { wordsCondition } from './words-condition.ts';
