export { eagerTarget, plainTarget, type PlainTargetOptions } from './plain-target.ts';
