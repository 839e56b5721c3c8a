import { readWhole } from '../read-whole.ts';

/** What one process serves at a time. */
export interface StreamOptions {
  /** Sockets and event streams. */
  readonly connections: number;
  /** Of one address. A page needs one; a proxy in front of this server is one address for all of its clients. */
  readonly connectionsOfAddress: number;
  /** On all connections together. */
  readonly subscriptions: number;
  /** Operations that run on one socket, subscriptions above all. */
  readonly operationsOfConnection: number;
}

/**
 * TESSERA_CONNECTIONS (2048), TESSERA_CONNECTIONS_OF_ADDRESS (256), TESSERA_SUBSCRIPTIONS (4096).
 * @throws TesseraError `stream-limit-invalid`
 */
export function readStreamOptions(environment: NodeJS.ProcessEnv): StreamOptions {
  const bounds = { code: 'stream-limit-invalid', from: 1, to: 1_000_000 };
  const read = (name: string, usual: number) =>
    readWhole(environment, { ...bounds, name, otherwise: String(usual) }) ?? usual;
  return {
    connections: read('TESSERA_CONNECTIONS', 2048),
    connectionsOfAddress: read('TESSERA_CONNECTIONS_OF_ADDRESS', 256),
    subscriptions: read('TESSERA_SUBSCRIPTIONS', 4096),
    operationsOfConnection: 256,
  };
}
