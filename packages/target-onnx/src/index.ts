export { onnxTarget, type OnnxTargetOptions } from './target.ts';
