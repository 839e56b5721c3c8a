export type { Checkpoint, CheckpointValue, LeftOut, TensorEntry } from './checkpoint.ts';
export { toFloat16Bytes, toFloat32, toInt32, toNumbers, type Named } from './convert.ts';
export { bytesPerElement, elementCount, type DType } from './dtype.ts';
export { checkWeightFile, openCheckpoint, type OpenOptions } from './open-checkpoint.ts';
export { writeSafetensors, type WritableTensor } from './safetensors/write-safetensors.ts';
