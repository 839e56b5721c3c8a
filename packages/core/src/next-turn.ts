/**
 * Lets the event loop run what is waiting (a cancel, a request) and goes on right after it. Node has `setImmediate`; in
 * browsers a message does the same, where nested timers would wait 4 ms each.
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

/** What this file uses of Node and of browsers: no one library of types has both. */
interface Timers {
  readonly setImmediate?: (run: () => void) => unknown;
  readonly MessageChannel: new () => {
    readonly port1: { onmessage: () => void; close(): void };
    readonly port2: { postMessage(message: null): void };
  };
}
