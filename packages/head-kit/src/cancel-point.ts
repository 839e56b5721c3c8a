/**
 * A point of a long computation where a cancelled request stops. Runtimes may block the thread, so the signal can abort
 * only while the event loop runs: this lets it run once.
 * @throws the signal's reason
 */
export async function cancelPoint(signal: AbortSignal): Promise<void> {
  await nextTurn();
  signal.throwIfAborted();
}

/** Node has setImmediate; in browsers a message comes sooner than a timer, which waits up to 4 ms. */
function nextTurn(): Promise<void> {
  const { setImmediate } = globalThis as { readonly setImmediate?: (callback: () => void) => unknown };
  return new Promise((resolve) => {
    if (setImmediate) return void setImmediate(resolve);
    const { port1, port2 } = new MessageChannel();
    const onmessage = (): void => {
      port1.close();
      resolve();
    };
    Object.assign(port1, { onmessage });
    port2.postMessage(null);
  });
}
