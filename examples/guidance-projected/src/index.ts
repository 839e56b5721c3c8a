export { projectedGuidance } from './projected-guidance.ts';
