export { isTerminal, type HostEvent, type HostRequest, type ModelDescription, type Timings } from './events.ts';
export type { PluginFacts, PluginProblem } from '@tessera/models';
export { startHost, type Host, type HostOptions, type ModelProblem } from './host.ts';
