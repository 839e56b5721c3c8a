export { pictureCondition } from './picture-condition.ts';
