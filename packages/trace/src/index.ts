export { compareTraces, firstDifference, type NaNCounts, type Place, type TensorDifference } from './compare.ts';
export { readTrace, writeTrace } from './files.ts';
export { imageTensor, TraceRecorder, type Trace, type TraceFacts, type TraceStep, type TraceTensor } from './record.ts';
