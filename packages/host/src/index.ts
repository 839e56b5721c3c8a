export type { Conformance, PluginFacts, PluginProblem } from '@tessera/models';
export { describeFolders, type KnownModels, type ModelFolders, type ModelProblem } from './folders.ts';
export { startHost } from './host.ts';
export type {
  BatchEnd,
  BatchEvent,
  BatchMember,
  BatchRun,
  Host,
  HostHealth,
  HostOptions,
  RunOptions,
} from './host-types.ts';
export { isTerminal, type HostEvent, type ModelDescription, type Timings, type TokenDetails } from './protocol.ts';
export { readEdit, type EditPlace } from './read-edit.ts';
export { spriteColumns } from './tell.ts';
export { decodeWritten, encodeWritten, type WrittenStep } from './written-bytes.ts';
