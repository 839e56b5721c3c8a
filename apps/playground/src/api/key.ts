/*
 * The key of a server that asks for one. It lives as long as the tab, and is never in the address: addresses are shared.
 */

const STORED = 'tessera-key';

interface KeyState {
  readonly key: string | null;
  /** Why the page must ask for a key: none was sent, or the server refused the one that was; null where it need not. */
  readonly asks: 'missing' | 'refused' | null;
}

let state: KeyState = { key: readStored(), asks: null };
const listeners = new Set<() => void>();

export function keyState(): KeyState {
  return state;
}

/** Calls `changed` after each change. Returns a function that ends it. */
export function onKeyChange(changed: () => void): () => void {
  listeners.add(changed);
  return () => void listeners.delete(changed);
}

export function enterKey(key: string): void {
  change({ key, asks: null });
}

export function forgetKey(): void {
  change({ key: null, asks: 'missing' });
}

/** To be told of a refusal, and which key was sent: an answer to an older one changes nothing. */
export function refuseKey(sent: string | null): void {
  if (sent === state.key && state.asks === null) change({ key: null, asks: sent === null ? 'missing' : 'refused' });
}

function change(next: KeyState): void {
  state = next;
  store(next.key);
  for (const changed of listeners) changed();
}

/** Where the browser refuses to store anything, the key lives until the page is loaded again. */
function store(key: string | null): void {
  try {
    if (key === null) sessionStorage.removeItem(STORED);
    else sessionStorage.setItem(STORED, key);
  } catch {
    // `state` has it
  }
}

function readStored(): string | null {
  try {
    return sessionStorage.getItem(STORED);
  } catch {
    return null;
  }
}
