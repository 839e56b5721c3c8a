import { nextTurn } from '@tessera/core';

/**
 * A point of a long computation where a cancelled request stops. Runtimes may block the thread, so the signal can abort
 * only while the event loop runs: this lets it run once.
 * @throws the signal's reason
 */
export async function cancelPoint(signal: AbortSignal): Promise<void> {
  await nextTurn();
  signal.throwIfAborted();
}
