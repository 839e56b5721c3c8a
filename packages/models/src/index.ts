export type { Edit } from './edit.ts';
export { keptTokens, type KeptRequest } from './edit.ts';
export { buffersOf } from './weights.ts';
export type { FileWeights } from './weights.ts';
export { fileWeights } from './weight-files.ts';
export { findModel, listModelFolders, modelRoots, unknownModel, type ModelFolder } from './folders.ts';
export { folderName } from './folders.ts';
export { diskWords, folderTrouble, type FolderTrouble } from './folders.ts';
export { freshWeights, type Buffer, type FreshWeights } from './weight-files.ts';
export { outlineModel, openModel, readManifest } from './model-folder.ts';
export type { ComponentEntry, ModelManifest, WeightedComponent } from './manifest.ts';
export type { Model, ModelRun } from './model.ts';
export type { OpenModelOptions } from './open-model.ts';
export { checkRequest, optionsSchema, planOf, refusalOf, type ModelOutline } from './outline.ts';
export { findConfig } from './plugins/load-plugins.ts';
export { exampleTokens, listPlugins, type PluginFacts } from './plugins/list-plugins.ts';
export { loadPlugins, type LoadedPlugins, type PluginProblem } from './plugins/load-plugins.ts';
export {
  builtInPlugins,
  pluginKinds,
  resolveParts,
  withOrigins,
  type PluginOrigin,
  type Plugins,
} from './plugins/built-in.ts';
export { tfjsCopies, tfjsTwice } from './plugins/load-plugins.ts';
export { saveModel, type SaveModelRequest } from './save-model.ts';
export { savedTensors, writeWeights, type SavedDType, type SavedTensor } from './weight-files.ts';
export { exportModel, type ExportedFiles } from './formats/export-model.ts';
export { importModel, type ImportedModel, type ImportRequest } from './formats/import-model.ts';
export { isDerived } from './formats/var/scales.ts';
export { patchNumsOf } from './formats/var/scales.ts';
export { varPresets, varTokenizer, type VarName, type VarPreset } from './formats/var/presets.ts';
export { recordedShapes } from './weights.ts';
export { configOfVarState, configOfVqState, type VarStateConfig } from './formats/var/state-config.ts';
export { marPresets, type MarName, type MarPreset } from './formats/mar/state-config.ts';
export { configOfKlState, configOfMarState, type MarStateConfig } from './formats/mar/state-config.ts';
export type { Shapes } from './weights.ts';
export type { ImportHints } from './formats/weight-format.ts';
export type { WeightsChoice } from './formats/official-state.ts';
