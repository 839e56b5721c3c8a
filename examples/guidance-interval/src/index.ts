export { intervalGuidance } from './interval-guidance.ts';
