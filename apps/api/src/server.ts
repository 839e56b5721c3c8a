import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled';
import { ApolloServerPluginDrainHttpServer } from '@apollo/server/plugin/drainHttpServer';
import { openBlobs, type Blobs } from '@tessera/blobs';
import { TesseraError } from '@tessera/errors';
import { startHost, type Host } from '@tessera/host';
import { logError } from '@tessera/telemetry';
import { eventLog } from './generations/event-log.ts';
import { createGenerations } from './generations/generations.ts';
import { openRunner } from './generations/old-runner.ts';
import { decideAuth, documentsOf } from './guard/guard-options.ts';
import { openGuard, type Guard } from './guard/guard.ts';
import { createApp } from './http/app.ts';
import { parseOptions } from './http/check-operation.ts';
import { toClient } from './http/client-errors.ts';
import { createGate } from './http/gate.ts';
import { beforeExecution } from './http/graphql-http.ts';
import { refuseUnreadable } from './http/refusal.ts';
import type { ApiContext, ApiParts } from './schema/builder.ts';
import { createSchema } from './schema/schema.ts';
import { defaultOptions, type ServerOptions } from './server-options.ts';
import { serveStreams } from './streams/serve-streams.ts';
import { takeDataDirectory } from './storage/data-directory.ts';
import { openDatabase } from './storage/database.ts';
import { openUploads, type Uploads } from './images/uploads.ts';

export interface RunningServer {
  readonly url: string;
  /** Host names under which it answers; null is any. */
  readonly hosts: readonly string[] | null;
  readonly host: Host;
  /** Ends everything in order. Queued generations are kept and run at the next start. */
  close(): Promise<void>;
}

/**
 * Starts the API, and serves once it can answer. What is left out comes from `defaultOptions`.
 * @throws TesseraError `data-directory-in-use`, `data-directory-unusable`, `database-unusable`, `address-in-use`, `auth-undecided`, `address-unusable`, `model-process-failed`, `database-too-new`
 */
export async function startServer(options: Partial<ServerOptions> = {}): Promise<RunningServer> {
  const undo = new Undo();
  try {
    return await start({ ...defaultOptions(), ...options }, undo);
  } catch (error) {
    // Why it did not start is what counts; what could not be undone is said beside it.
    await undo.run().catch((failure: unknown) => logError('a part of a server that did not start stays open', failure));
    throw error;
  }
}

async function start(options: ServerOptions, undo: Undo): Promise<RunningServer> {
  const auth = decideAuth(options.auth, options.address);
  const { parts, blobs, uploads, guard } = await openStorage({ ...options, auth }, undo);
  const server = createServer();
  refuseUnreadable(server);
  const schema = createSchema();
  const apollo = new ApolloServer<ApiContext>({
    schema,
    parseOptions,
    // Both are done before: see beforeExecution and takeGraphQL.
    dangerouslyDisableValidation: true,
    csrfPrevention: false,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    formatError: toClient,
    plugins: [
      beforeExecution,
      ApolloServerPluginDrainHttpServer({ httpServer: server }),
      ApolloServerPluginLandingPageDisabled(),
    ],
  });
  await apollo.start();
  undo.add(() => apollo.stop());
  const { address, port } = await listen(server, options);
  // Nothing is awaited from here on, so no request can come before there is somebody to answer it.
  const name = nameOf(options.address);
  const { hosts, origins, playground } = options;
  let closing = false;
  const isClosing = () => closing;
  const gate = createGate({ address, name, hosts, origins });
  undo.add(() => {
    closing = true;
  });
  const streams = serveStreams(server, { gate, guard, schema, parts, options: options.streams });
  undo.add(() => streams.close());
  const { eventStreams } = streams;
  const routes = { gate, guard, origins, apollo, parts, eventStreams, blobs, uploads, isClosing, playground };
  server.on('request', createApp(routes));
  return { url: `http://${name}:${port}`, hosts: gate.hosts, host: parts.host, close: () => undo.run() };
}

interface Storage {
  readonly parts: ApiParts;
  readonly guard: Guard;
  readonly blobs: Blobs;
  readonly uploads: Uploads;
}

/** The parts that outlive a request, each with its undoing. */
async function openStorage(options: ServerOptions & { auth: Guard['auth'] }, undo: Undo): Promise<Storage> {
  undo.add(await takeDataDirectory(options.dataDirectory));
  const database = await openDatabase(options.dataDirectory);
  undo.add(() => database.close());
  const guard = await openGuard(database, {
    ...options,
    documents: [...documentsOf(options.playground), ...options.documents],
  });
  undo.add(() => guard.close());
  const blobs = await openBlobs(join(options.dataDirectory, 'images'));
  undo.add(() => blobs.close());
  /** Of pictures that edits name: the host wants to know at once where they are. */
  const files = new Map<string, string>();
  const fileOf = async (id: string) => {
    const file = await blobs.fileOf(id);
    if (file) files.set(id, file);
    return file;
  };
  // One that is gone keeps its name and is said to be missing when it is read.
  const host = await startHost({ ...options, pictureFile: (id) => files.get(id) ?? `${id}.png` });
  undo.add(() => host.dispose());
  const uploads = openUploads(database, blobs);
  const { urls, quotas } = guard;
  const runner = await openRunner({ log: eventLog(database), blobs, fileOf, host });
  undo.add(() => runner.close());
  const { records, streams } = runner;
  const limits = { maxQueue: 32, maxQueueOfClient: 32 };
  const find = async (shas: readonly string[]) => {
    const own = await Promise.all(shas.map((sha256) => uploads.has(sha256)));
    const unknown = { width: null, height: null, bytes: null };
    return new Map(shas.filter((_, i) => own[i]).map((sha256) => [sha256, { sha256, ...unknown }]));
  };
  const pictureRecords = { find };
  const generations = createGenerations({ records, models: host, pictures: pictureRecords, fileOf, limits, quotas });
  const { hardened } = options;
  const parts = { host, models: host, generations, streams, pictureRecords, urls, quotas, hardened };
  return { parts, guard, blobs, uploads };
}

/** What a browser on this machine takes. */
function nameOf(address: string): string {
  if (['127.0.0.1', '0.0.0.0', '::', '::1'].includes(address)) return 'localhost';
  return address.includes(':') ? `[${address}]` : address;
}

async function listen(server: Server, { port, address }: ServerOptions): Promise<AddressInfo> {
  server.listen(port, address);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw cannotListen(error as NodeJS.ErrnoException, port, address);
  }
  return server.address() as AddressInfo;
}

function cannotListen(cause: NodeJS.ErrnoException, port: number, address: string): TesseraError {
  const other = 'or choose another port with the variable PORT.';
  if (cause.code === 'EADDRINUSE') {
    const got = `port ${port}, which another program uses`;
    const next = `Stop that program, ${other}`;
    return new TesseraError({ code: 'address-in-use', who: 'api', got, expected: 'a free port', next, cause });
  }
  return new TesseraError({
    code: 'address-unusable',
    who: 'api',
    got: `the address ${address} and port ${port}, where nothing can listen (${cause.code})`,
    expected: 'an address of this machine and a port that this user may open',
    next: `Leave HOST out to serve only this machine, ${other}`,
    cause,
  });
}

/** Undoes what has been started, newest first. */
export class Undo {
  readonly #steps: (() => unknown)[] = [];

  add(step: () => unknown): void {
    this.#steps.unshift(step);
  }

  /** Every step, also after one that fails. @throws what the only one that failed threw, or an AggregateError of all */
  async run(): Promise<void> {
    const errors: unknown[] = [];
    for (const step of this.#steps.splice(0)) {
      try {
        await step();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 1) throw new AggregateError(errors, `${errors.length} parts of the server could not be closed`);
    if (errors.length === 1) throw errors[0];
  }
}
