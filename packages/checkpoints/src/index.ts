export type { Checkpoint, CheckpointValue, TensorEntry } from './checkpoint.ts';
export { bytesPerElement, elementCount, type DType } from './dtype.ts';
export { toFloat16Bytes, toFloat32 } from './half.ts';
export { openCheckpoint } from './open-checkpoint.ts';
export { writeSafetensors, type WritableTensor } from './safetensors/write-safetensors.ts';
