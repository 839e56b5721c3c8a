import { TesseraError } from '@tessera/errors';
import { meters } from '@tessera/telemetry';
import type { Refusal } from '../guard/refusal.ts';
import type { StreamOptions } from './stream-options.ts';

/** What waits in this process for one client, in bytes. */
const MOST_BUFFERED = 4 * 1024 * 1024;
/** How long something may wait for a client that does not read. */
const MOST_WAIT_MS = 30_000;
const LOOK_EVERY_MS = 1000;

/** A socket, or an event stream. */
export interface Connection {
  readonly kind: 'webSockets' | 'serverSentEvents';
  /** Bytes that wait for its client. */
  buffered(): number;
  /** Ends it; its client may come back, and goes on after its last seq. */
  close(reason: string): void;
}

/** Bounds what clients hold of this server. */
export interface ConnectionLimits {
  /** Why one more connection of this address is not opened; null where it may be. */
  refusalOf(address: string | undefined): Refusal | null;
  /** Counts an open connection, and closes it where its client does not read. */
  watch(connection: Connection, address: string | undefined): Watched;
  /** Why one more subscription is not begun, where `running` run on its connection; null where it may be. */
  refusalOfOperation(running: number): TesseraError | null;
  /** Counts a subscription until the returned function is called. */
  subscribed(): () => void;
  close(): void;
}

export interface Watched {
  /** Looks whether its client reads. */
  look(): void;
  ended(): void;
}

export function connectionLimits(options: StreamOptions): ConnectionLimits {
  const { connections, connectionsOfAddress, subscriptions, operationsOfConnection } = options;
  const ofAddress = new Map<string, number>();
  /** Since when something has waited for each of them; null: nothing does. */
  const waitingSince = new Map<Connection, number | null>();
  const closing = new WeakSet<Connection>();
  let running = 0;
  const look = (connection: Connection): void => {
    const buffered = connection.buffered();
    const since = buffered === 0 ? null : (waitingSince.get(connection) ?? Date.now());
    waitingSince.set(connection, since);
    if (closing.has(connection)) return;
    if (buffered <= MOST_BUFFERED && (since === null || Date.now() - since <= MOST_WAIT_MS)) return;
    closing.add(connection);
    meters.slowFollowers.inc();
    connection.close('Messages wait for this client: read them sooner.');
  };
  const timer = setInterval(() => {
    for (const connection of waitingSince.keys()) look(connection);
  }, LOOK_EVERY_MS);
  return {
    refusalOf(address = '') {
      const expected = `at most ${connectionsOfAddress} of an address, and ${connections} of all`;
      if ((ofAddress.get(address) ?? 0) >= connectionsOfAddress) {
        return { status: 429, error: tooManySockets(`${connectionsOfAddress} open ones of this address`, expected) };
      }
      if (waitingSince.size < connections) return null;
      return { status: 503, error: tooManySockets(`${connections} open ones`, expected) };
    },
    watch(connection, address = '') {
      ofAddress.set(address, (ofAddress.get(address) ?? 0) + 1);
      waitingSince.set(connection, null);
      meters[connection.kind].inc();
      return {
        look: () => look(connection),
        ended() {
          if (!waitingSince.delete(connection)) return;
          meters[connection.kind].dec();
          const left = ofAddress.get(address)! - 1;
          if (left > 0) ofAddress.set(address, left);
          else ofAddress.delete(address);
        },
      };
    },
    refusalOfOperation(onConnection) {
      if (onConnection > operationsOfConnection) {
        return tooManyOperations(`${operationsOfConnection} run on this socket`, operationsOfConnection);
      }
      return running < subscriptions ? null : tooManyOperations(`${subscriptions} subscriptions run`, subscriptions);
    },
    subscribed() {
      running += 1;
      let ended = false;
      return () => {
        if (ended) return;
        ended = true;
        running -= 1;
      };
    },
    close: () => clearInterval(timer),
  };
}

function tooManyOperations(which: string, most: number): TesseraError {
  return new TesseraError({
    code: 'too-many-operations',
    who: 'api',
    got: `one more operation while ${which}`,
    expected: `at most ${most}`,
    next: 'Complete one of them first, or try again later.',
  });
}

function tooManySockets(which: string, expected: string): TesseraError {
  return new TesseraError({
    code: 'too-many-sockets',
    who: 'api',
    got: `one more socket or event stream on top of ${which}`,
    expected,
    next: 'Close one first: one socket carries many subscriptions.',
  });
}
