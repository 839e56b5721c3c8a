export type { PluginFacts, PluginProblem } from '@tessera/models';
export type { Host, HostHealth, HostOptions, ModelProblem, RunOptions } from './host-types.ts';
export { startHost } from './host.ts';
export { isTerminal, type HostEvent, type ModelDescription, type Timings } from './protocol.ts';
export { readEdit, type EditPlace } from './run-generation.ts';
