/** What runs in a browser too: no module of Node is imported. PyTorch files are left to Node. */
export { memorySource } from './byte-source.ts';
export type { Checkpoint, DType, TensorEntry } from './checkpoint.ts';
export { toFloat32, type Named } from './convert.ts';
export { openSafetensors } from './safetensors.ts';
