/**
 * Lets the event loop run what waits (a cancel, a request) and goes on right after it. `setImmediate` is of Node; elsewhere
 * a message does the same, since browsers hold nested timers back by 4 ms.
 */
export function nextTurn(): Promise<void> {
  const { setImmediate, MessageChannel: Channel } = globalThis as unknown as Timers;
  if (setImmediate) return new Promise((done) => void setImmediate(done));
  return new Promise((done) => {
    const { port1, port2 } = new Channel();
    port1.onmessage = () => {
      port1.close();
      done();
    };
    port2.postMessage(null);
  });
}

/** What this file uses of Node and of browsers, whose types are not both at hand. */
interface Timers {
  readonly setImmediate?: (run: () => void) => unknown;
  readonly MessageChannel: new () => {
    readonly port1: { onmessage: () => void; close(): void };
    readonly port2: { postMessage(message: null): void };
  };
}
