export type { Edit } from './edit/edit.ts';
export { keptTokens, type KeptRequest } from './edit/kept-tokens.ts';
export { chooseClass, readingsOf, type NamedClasses } from './class-choice.ts';
export { buffersOf, fileWeights, type FileWeights } from './file-weights.ts';
export { findModel, listModelFolders, modelRoots, type ModelFolder } from './find-models.ts';
export { folderName } from './folder-name.ts';
export { diskWords, folderTrouble, type FolderTrouble } from './folder-trouble.ts';
export { freshWeights, type Buffer, type FreshWeights } from './fresh-weights.ts';
export { readManifest, type WeightedComponent } from './manifest.ts';
export type { ComponentEntry, GenerateRequest, Model, ModelManifest } from './model.ts';
export { openModel, type OpenModelOptions } from './open-model.ts';
export { optionsSchema, outlineModel, readRequest, refusalOf, type ModelOutline } from './outline.ts';
export { findConfig } from './plugins/find-config.ts';
export { exampleTokens, listPlugins, type PluginFacts } from './plugins/list-plugins.ts';
export { loadPlugins, type LoadedPlugins, type PluginProblem } from './plugins/load-plugins.ts';
export {
  builtInPlugins,
  pluginKinds,
  resolveParts,
  withOrigins,
  type PluginOrigin,
  type Plugins,
} from './plugins/plugins.ts';
export { tfjsCopies, tfjsTwice } from './plugins/tfjs-copies.ts';
export {
  savedTensors,
  saveModel,
  writeWeights,
  type SavedDType,
  type SavedTensor,
  type SaveModelRequest,
} from './save-model.ts';
export { exportModel, type ExportedFiles } from './formats/export-model.ts';
export { importModel, type ImportedModel, type ImportRequest } from './formats/import-model.ts';
export { isDerived } from './formats/var/official-buffers.ts';
export { patchNumsOf } from './formats/var/patch-nums.ts';
export { varPresets, varTokenizer, type VarName, type VarPreset } from './formats/var/presets.ts';
export { recordedShapes } from './formats/recorded-shapes.ts';
export { configOfVarState, configOfVqState, type VarStateConfig } from './formats/var/state-config.ts';
export { marPresets, type MarName, type MarPreset } from './formats/mar/presets.ts';
export { configOfKlState, configOfMarState, type MarStateConfig } from './formats/mar/state-config.ts';
export type { Shapes } from './formats/state-shapes.ts';
export type { ImportHints } from './formats/weight-format.ts';
export type { WeightsChoice } from './formats/official-state.ts';
