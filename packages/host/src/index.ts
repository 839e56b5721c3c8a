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
export { startHost, type Host, type HostOptions, type ModelProblem } from './host.ts';
