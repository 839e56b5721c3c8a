export { fileWeights, type FileWeights } from './file-weights.ts';
export { findModel, listModelFolders, modelRoots, type ModelFolder } from './find-models.ts';
export { freshWeights, type Buffer, type FreshWeights } from './fresh-weights.ts';
export { readManifest, type WeightedComponent } from './manifest.ts';
export type { ComponentEntry, GenerateRequest, Model, ModelManifest } from './model.ts';
export { openModel, type OpenModelOptions } from './open-model.ts';
export { builtInPlugins, type Plugins } from './plugins.ts';
export { savedTensors, saveModel, type SavedDType, type SavedTensor, type SaveModelRequest } from './save-model.ts';
