import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled';
import { ApolloServerPluginDrainHttpServer } from '@apollo/server/plugin/drainHttpServer';
import { TesseraError } from '@tessera/errors';
import { startHost, type Host } from '@tessera/host';
import { eventLog } from './generations/event-log.ts';
import { openGenerations } from './generations/generations.ts';
import { createApp } from './http/app.ts';
import { toClient } from './http/clear-errors.ts';
import { operationLimits, parseOptions } from './http/operation-limits.ts';
import { serveWebSocket } from './http/web-socket.ts';
import type { ApiContext } from './schema/builder.ts';
import { createSchema } from './schema/schema.ts';
import { defaultOptions, type ServerOptions } from './server-options.ts';
import { blobStore, type BlobStore } from './storage/blob-store.ts';
import { lockDirectory } from './storage/data-lock.ts';
import { openDatabase } from './storage/database.ts';
import { openUploads, type Uploads } from './uploads/uploads.ts';

export interface RunningServer {
  readonly url: string;
  readonly host: Host;
  /** Ends everything in order. Queued generations are kept and run at the next start. */
  close(): Promise<void>;
}

/** Undoes what has been started, newest first. */
class Undo {
  readonly #steps: (() => unknown)[] = [];

  add(step: () => unknown): void {
    this.#steps.unshift(step);
  }

  async run(): Promise<void> {
    for (const step of this.#steps.splice(0)) await step();
  }
}

/**
 * Starts the API, and serves once it can answer. What is left out comes from `defaultOptions`.
 * @throws TesseraError `data-directory-in-use`, `address-in-use`, `model-process-failed`, `database-too-new`
 */
export async function startServer(options: Partial<ServerOptions> = {}): Promise<RunningServer> {
  const undo = new Undo();
  try {
    return await start({ ...defaultOptions(), ...options }, undo);
  } catch (error) {
    await undo.run();
    throw error;
  }
}

async function start(options: ServerOptions, undo: Undo): Promise<RunningServer> {
  const { context, blobs, uploads } = await openStorage(options, undo);
  const server = createServer();
  const schema = createSchema();
  const apollo = new ApolloServer<ApiContext>({
    schema,
    parseOptions,
    validationRules: [operationLimits],
    csrfPrevention: true,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    formatError: toClient,
    plugins: [ApolloServerPluginDrainHttpServer({ httpServer: server }), ApolloServerPluginLandingPageDisabled()],
  });
  await apollo.start();
  undo.add(() => apollo.stop());
  server.on('request', createApp({ apollo, context, blobs, uploads, playground: options.playground }));
  const port = await listen(server, options);
  const sockets = serveWebSocket(server, schema, context);
  undo.add(() => sockets.close());
  const url = `http://${nameOf(options.address)}:${port}`;
  return { url, host: context.host, close: () => undo.run() };
}

interface Storage {
  readonly context: ApiContext;
  readonly blobs: BlobStore;
  readonly uploads: Uploads;
}

/** The parts that outlive a request, each with its undoing. */
async function openStorage(options: ServerOptions, undo: Undo): Promise<Storage> {
  mkdirSync(options.dataDirectory, { recursive: true });
  undo.add(lockDirectory(options.dataDirectory));
  const database = await openDatabase(options.dataDirectory);
  undo.add(() => database.close());
  const host = await startHost(options);
  undo.add(() => host.dispose());
  const blobs = blobStore(join(options.dataDirectory, 'images'));
  const uploads = openUploads(database, blobs);
  const generations = await openGenerations({ log: eventLog(database), blobs, uploads, host });
  undo.add(() => generations.close());
  return { context: { host, generations }, blobs, uploads };
}

/** What a browser on this machine takes. */
function nameOf(address: string): string {
  if (['127.0.0.1', '0.0.0.0', '::', '::1'].includes(address)) return 'localhost';
  return address.includes(':') ? `[${address}]` : address;
}

async function listen(server: Server, { port, address }: ServerOptions): Promise<number> {
  server.listen(port, address);
  try {
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new TesseraError({
      code: 'address-in-use',
      who: 'api',
      got: `port ${port}, which another program uses`,
      expected: 'a free port',
      next: 'Stop that program, or choose another port: PORT=4001 npm start.',
      cause: error,
    });
  }
  return (server.address() as AddressInfo).port;
}
