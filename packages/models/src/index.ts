export { keptTokens, type Edit } from './edit.ts';
export { diskWords, findModel, folderName, folderTrouble, listModelFolders, modelRoots } from './folders.ts';
export { unknownModel, type ModelFolder } from './folders.ts';
export { exportModel } from './formats/export-model.ts';
export { importModel, type ImportRequest } from './formats/import-model.ts';
export { configOfKlState, configOfMarState } from './formats/mar/state-config.ts';
export { varPresets, varTokenizer } from './formats/var/state-config.ts';
export { isDerived, patchNumsOf } from './formats/var/scales.ts';
export { configOfVarState, configOfVqState } from './formats/var/state-config.ts';
export { refuseInt8 } from './int8-file.ts';
export type { ModelManifest } from './manifest.ts';
export { inspectModel, outlineModel, openModel, readManifest } from './model-folder.ts';
export type { Model, ModelRun, OpenModelOptions } from './model.ts';
export {
  checkRequest,
  guidancesOf,
  optionsSchema,
  outlineAt,
  planOf,
  refusalOf,
  stepsOf,
  type ModelOutline,
} from './outline.ts';
export {
  builtInPlugins,
  packagesOf,
  pluginKinds,
  findCondition,
  resolveParts,
  withOrigins,
  type Plugins,
} from './plugins/built-in.ts';
export type { Conformance } from './plugins/certificate.ts';
export { listPlugins, type PluginFacts } from './plugins/list-plugins.ts';
export { findConfig, loadPlugins, type LoadedPlugins, type PluginProblem } from './plugins/load-plugins.ts';
export { quantizeModel, type QuantizedSizes } from './quantize-model.ts';
export { saveModel } from './save-model.ts';
export { fileWeights, freshWeights, savedTensors, writeWeights } from './weight-files.ts';
export type { FreshWeights, SavedTensor } from './weight-files.ts';
export { buffersOf, checkpointWeights, recordedShapes, type FileWeights, type Shapes } from './weights.ts';
