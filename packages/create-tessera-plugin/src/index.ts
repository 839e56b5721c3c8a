export { createPlugin, type CreatedPlugin, type PluginRequest } from './create-plugin.ts';
export { kinds, type Kind, type KindName } from './kinds.ts';
export { runCreate } from './run-create.ts';
