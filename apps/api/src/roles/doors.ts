import { createServer } from 'node:http';
import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled';
import { ApolloServerPluginDrainHttpServer } from '@apollo/server/plugin/drainHttpServer';
import type { ModelFolders } from '@tessera/host';
import { createGenerations } from '../generations/generations.ts';
import { documentsOf } from '../guard/guard-options.ts';
import { openGuard, type Guard } from '../guard/guard.ts';
import { createApp } from '../http/app.ts';
import { parseOptions } from '../operations/check-operation.ts';
import { toClient } from '../operations/client-errors.ts';
import { createGate } from '../guard/gate.ts';
import { beforeExecution } from '../http/graphql-http.ts';
import { connectionTimes, refuseUnreadable } from '../guard/refusal.ts';
import { openUploads } from '../images/uploads.ts';
import type { ApiContext } from '../schema/builder.ts';
import { createSchema } from '../schema/schema.ts';
import type { ServerOptions } from '../server-options.ts';
import type { Storage } from '../storage/open-storage.ts';
import { serveStreams } from '../subscriptions/serve-streams.ts';
import { openStreams } from '../streams/streams.ts';
import { measureOperations } from '../telemetry/measure-operations.ts';
import type { OperatorsRoutes } from '../telemetry/operators-port.ts';
import type { Overview } from '../telemetry/queue-facts.ts';
import type { Undo } from '../undo.ts';
import { startUpkeep } from '../upkeep/upkeep.ts';
import { webhooksOf } from '../webhooks/webhooks-of.ts';
import { listen, nameOf } from '../listen.ts';

export interface DoorsParts {
  readonly storage: Storage;
  readonly models: ModelFolders;
  readonly auth: Guard['auth'];
  readonly overview: Overview;
  readonly operators: OperatorsRoutes;
}

export interface Doors {
  readonly url: string;
  /** Host names under which it answers; null is any. */
  readonly hosts: readonly string[] | null;
}

/** Answers HTTP and WebSocket, over the store: no model is needed for it. */
export async function openDoors(
  options: ServerOptions,
  { storage: { store, blobs }, models, auth, overview, operators }: DoorsParts,
  undo: Undo,
): Promise<Doors> {
  const server = createServer(connectionTimes);
  refuseUnreadable(server);
  const documents = [...documentsOf(options.playground), ...options.documents];
  const guard = await openGuard(store.database, { ...options, auth, documents });
  undo.add(() => guard.close());
  const uploads = openUploads(store.pictures, blobs);
  const streams = openStreams(store);
  undo.add(() => streams.close());
  const { urls, quotas } = guard;
  const fileOf = (sha256: string) => blobs.fileOf(sha256);
  const webhooks = await webhooksOf(store, urls, options);
  undo.add(() => webhooks.close());
  const upkeep = startUpkeep({ store, blobs, ...options.upkeep });
  undo.add(() => upkeep.close());
  const generations = createGenerations({
    records: store.generations,
    models,
    pictures: store.pictures,
    fileOf,
    limits: options,
    quotas,
    webhooks,
  });
  const parts = {
    models,
    generations,
    streams,
    pictureRecords: store.pictures,
    urls,
    quotas,
    overview,
    hardened: options.hardened,
  };
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
      measureOperations,
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
  const gate = createGate({ address, name, hosts, origins });
  const served = serveStreams(server, { gate, guard, schema, parts, options: options.streams });
  undo.add(async () => {
    const ended = served.close();
    // All who wait for events are told so now: apollo.stop waits for all answers, and cuts those that take long.
    streams.close();
    await ended;
  });
  const { eventStreams } = served;
  const routes = {
    gate,
    guard,
    origins,
    apollo,
    parts,
    operators,
    eventStreams,
    blobs,
    uploads,
    webhooks,
    playground,
  };
  server.on('request', createApp(routes));
  return { url: `http://${name}:${port}`, hosts: gate.hosts };
}
