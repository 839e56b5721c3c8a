export { loadTensorFlow } from './runtime.ts';
export { tensorFlowTarget, type TensorFlowTargetOptions, type XlaUse } from './target.ts';
export { tensorFlowBackend } from './tfjs-backend.ts';
