export {
  isTerminal,
  type HostEdit,
  type HostEvent,
  type HostRequest,
  type ModelDescription,
  type Timings,
} from './events.ts';
export type { PluginFacts, PluginProblem } from '@tessera/models';
export { readEdit } from './read-edit.ts';
export type { Host, HostHealth, HostOptions, ModelProblem } from './host-types.ts';
export { startHost } from './host.ts';
