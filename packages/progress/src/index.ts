export { duration, showProgress, silentProgress, type Progress, type ProgressOptions } from './progress.ts';
