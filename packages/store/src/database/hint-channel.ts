import pg from 'pg';
import type { Hint } from '../store.ts';

const CHANNEL = 'tessera';
/** PostgreSQL takes payloads of less than 8000 bytes. */
const MOST_HINTS = 150;
/** A connection that says nothing for so long may be cut without anybody having noticed. */
const PROBE_MS = 10_000;
const LAST_PAUSE_MS = 2000;

export interface HintListener {
  onHint(hint: Hint): void;
  /** The connection was lost and is there again: hints of the time between never come. */
  onReconnect(): void;
}

/**
 * Hints between processes, over a connection of their own. They are not part of the statements that they tell of: a commit that
 * notifies takes a lock of the whole server while it waits for the disk. Hints that come while others are being sent go
 * together.
 */
export class HintChannel {
  readonly #url: string;
  readonly #listener: HintListener;
  #client: pg.Client | null = null;
  #waiting = new Set<string>();
  #sending: Promise<void> | null = null;
  #closed = false;
  readonly #probe: NodeJS.Timeout;

  private constructor(url: string, listener: HintListener) {
    this.#url = url;
    this.#listener = listener;
    this.#probe = setInterval(
      () => void this.#client?.query('SELECT 1').catch(() => this.#lose(this.#client)),
      PROBE_MS,
    );
    this.#probe.unref();
  }

  static async open(url: string, listener: HintListener): Promise<HintChannel> {
    const channel = new HintChannel(url, listener);
    try {
      await channel.#connect();
    } catch (error) {
      await channel.close();
      throw error;
    }
    return channel;
  }

  tell(hints: readonly Hint[]): void {
    for (const { kind, id } of hints) this.#waiting.add(`${kind} ${id}`);
    this.#sending ??= this.#send().finally(() => (this.#sending = null));
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#probe);
    await this.#sending;
    const client = this.#client;
    this.#client = null;
    await client?.end().catch(() => undefined);
  }

  /** Never throws: hints may be lost. */
  async #send(): Promise<void> {
    while (this.#waiting.size > 0 && this.#client) {
      const lines = [...this.#waiting].slice(0, MOST_HINTS);
      for (const line of lines) this.#waiting.delete(line);
      await this.#client.query('SELECT pg_notify($1, $2)', [CHANNEL, lines.join('\n')]).catch(() => undefined);
    }
  }

  async #connect(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#url,
      connectionTimeoutMillis: PROBE_MS,
      query_timeout: PROBE_MS,
      keepAlive: true,
      application_name: 'tessera hints',
    });
    client.on('error', () => this.#lose(client));
    client.on('end', () => this.#lose(client));
    client.on('notification', ({ processId, payload }) => {
      // The listeners of this process have been told before.
      if (processId === (client as { processID?: number }).processID) return;
      for (const line of (payload ?? '').split('\n')) {
        const [kind, id] = line.split(' ') as [Hint['kind'], string];
        this.#listener.onHint({ kind, id: id ?? '' });
      }
    });
    try {
      await client.connect();
      // A hint may be lost with the server: it need not wait for the disk.
      await client.query(`SET synchronous_commit = off; LISTEN ${CHANNEL}`);
    } catch (error) {
      void client.end().catch(() => undefined);
      throw error;
    }
    this.#client = client;
  }

  #lose(client: pg.Client | null): void {
    if (!client || this.#client !== client) return;
    this.#client = null;
    this.#waiting.clear();
    void client.end().catch(() => undefined);
    void this.#connectAgain();
  }

  async #connectAgain(): Promise<void> {
    for (let pause = 50; !this.#closed; pause = Math.min(2 * pause, LAST_PAUSE_MS)) {
      try {
        await this.#connect();
        if (this.#closed) return await this.close();
        this.#listener.onReconnect();
        return this.#listener.onHint({ kind: 'queue', id: '' });
      } catch {
        await new Promise((resolve) => setTimeout(resolve, pause).unref());
      }
    }
  }
}
