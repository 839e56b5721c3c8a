/**
 * Where programs run. `onnx` needs npm alone and is fast; `tensorflow` is what `tessera setup tensorflow` adds, for
 * training and GPUs; `eager` is plain tfjs on its cpu backend, the reference, and `tensorflow-eager` plain tfjs on the
 * kernels of TensorFlow.
 */
export type TargetName = 'eager' | 'onnx' | 'tensorflow' | 'tensorflow-eager';

export const TARGETS: readonly TargetName[] = ['onnx', 'tensorflow', 'eager', 'tensorflow-eager'];
