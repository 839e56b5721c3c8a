import type { DType, TypedArray } from '../trace/graph.ts';

/** A tensor of the binding. */
export interface TensorMetadata {
  readonly id: number;
  readonly shape: readonly number[];
  readonly dtype: number;
}

/** The functions of tfjs-node-gpu's native binding that the engine calls. Tensors and sessions are integers. */
export interface TensorFlowBinding {
  readonly TF_Version: string;
  createTensor(shape: readonly number[], dtype: number, data: TypedArray): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): TypedArray;
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(id: number): void;
  runSavedModel(id: number, inputs: readonly number[], inputNames: string, outputNames: string): TensorMetadata[];
  isUsingGpuDevice(): boolean;
  getNumOfTensors(): number;
  getNumOfSavedModels(): number;
}

/** DataType of types.proto. */
export const DATA_TYPES: Readonly<Record<DType, number>> = { float32: 1, int32: 3, bool: 10 };
