export { bytesPerElement, elementCount } from './checkpoint.ts';
export type { Checkpoint, CheckpointValue, DType, LeftOut, TensorEntry } from './checkpoint.ts';
export { toFloat16Bytes, toFloat32, toInt32, toNumbers, type Named } from './convert.ts';
export { checkWeightFile, openCheckpoint, type OpenOptions } from './open-checkpoint.ts';
export { openNumpyPickle } from './numpy-pickle.ts';
export { writeSafetensors, type WritableTensor } from './write-safetensors.ts';
