export { createSchema } from './schema/schema.ts';
export { startServer, type RunningServer, type ServerOptions } from './server.ts';
