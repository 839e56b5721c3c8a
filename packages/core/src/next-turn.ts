/** What this file uses of browsers, of whose types only those of Node are at hand. */
type Channel = Record<'port1' | 'port2', { onmessage: () => void; postMessage(message: null): void; close(): void }>;

/**
 * Lets the event loop run what is waiting (a cancel, a request) and goes on right after it. Node has `setImmediate` (1 us a
 * turn); in browsers a message does the same (13 us in Node), where nested timers would wait 4 ms each.
 */
export function nextTurn(): Promise<void> {
  const { setImmediate } = globalThis as { readonly setImmediate?: (run: () => void) => unknown };
  if (setImmediate) return new Promise((done) => void setImmediate(done));
  return new Promise((done) => {
    const { port1, port2 } = new MessageChannel() as unknown as Channel;
    port1.onmessage = () => (port1.close(), done());
    port2.postMessage(null);
  });
}
