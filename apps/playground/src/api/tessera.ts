import { createClient, ClientError, type Client } from '@tessera/client';
import { keyState, refuseKey } from './key.ts';

/* The server that the page came from, by @tessera/client: one client for each key that is entered. */

const unreachable = 'The server does not answer. Start it with npm start, then try again.';

let opened: { readonly key: string | null; readonly client: Client } | null = null;
const listeners = new Set<(connected: boolean) => void>();

/** While the page is being left, what is still sent must not end with it. */
let isLeaving = false;
if (typeof window !== 'undefined') {
  window.addEventListener('pagehide', () => (isLeaving = true), { capture: true });
  window.addEventListener('pageshow', () => (isLeaving = false));
}
const send: typeof fetch = (input, init) => fetch(input, { ...init, keepalive: isLeaving });

/** What `ask` gets from the server. Throws an Error whose message can be shown; where a key was refused, the page asks for one. */
export async function asked<T>(ask: (client: Client) => Promise<T>): Promise<T> {
  const { key } = keyState();
  try {
    return await ask(clientWith(key));
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    if (error.status === 401) refuseKey(key);
    if (error.code === 'unreachable')
      throw Object.assign(new Error(unreachable, { cause: error }), { code: error.code });
    throw error;
  }
}

/** Calls `heard` with false when a stream is lost and with true when it is back. Returns a function that ends it. */
export function onConnection(heard: (connected: boolean) => void): () => void {
  listeners.add(heard);
  return () => void listeners.delete(heard);
}

function clientWith(key: string | null): Client {
  if (opened?.key === key) return opened.client;
  void opened?.client.close();
  const onConnection = (connected: boolean) => listeners.forEach((heard) => heard(connected));
  const client = createClient({ url: location.origin, ...(key !== null && { key }), fetch: send, onConnection });
  opened = { key, client };
  return client;
}
