export { createSchema } from './schema/schema.ts';
export { roles, type Role } from './role-options.ts';
export { startServer, type RunningServer } from './server.ts';
export { defaultOptions, type ServerOptions } from './server-options.ts';
export { serveUntilStopped, type Print } from './serve-until-stopped.ts';
export { manageKeys } from './guard/manage-keys.ts';
export type { ApiKey } from './guard/api-keys.ts';
