import { TesseraError } from '@tessera/errors';

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
  const read = (name: string, usual: number) => readCount(name, environment[name] || String(usual));
  return {
    connections: read('TESSERA_CONNECTIONS', 2048),
    connectionsOfAddress: read('TESSERA_CONNECTIONS_OF_ADDRESS', 256),
    subscriptions: read('TESSERA_SUBSCRIPTIONS', 4096),
    operationsOfConnection: 256,
  };
}

function readCount(name: string, text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= 1 && count <= 1_000_000) return count;
  throw new TesseraError({
    code: 'stream-limit-invalid',
    who: 'api',
    got: `${name}=${text.slice(0, 100)}`,
    expected: 'a whole number from 1 to 1000000',
    next: 'Leave it out for the usual limit.',
  });
}
