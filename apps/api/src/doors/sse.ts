import { once } from 'node:events';
import type { Response } from 'express';

/** Server-sent events on a response that is admitted as a stream. A slow reader is waited for: nothing gathers here. */
export interface SseStream {
  /** Resolves once there is room for more, or the client is gone. `id` is what the client asks to go on after. */
  send(event: string, data: object, id?: number): Promise<void>;
  end(): void;
}

export function openSse(response: Response): SseStream {
  response.status(200).set({
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-cache, no-transform',
    // Proxies that gather answers would gather this one for ever.
    'X-Accel-Buffering': 'no',
  });
  response.flushHeaders();
  return {
    async send(event, data, id) {
      if (response.destroyed) return;
      const head = `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}`;
      if (response.write(`${head}data: ${JSON.stringify(data)}\n\n`)) return;
      const first = new AbortController();
      const { signal } = first;
      try {
        await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]);
      } finally {
        // The other one would keep its listeners for as long as the stream lives.
        first.abort();
      }
    },
    end: () => void response.end(),
  };
}
