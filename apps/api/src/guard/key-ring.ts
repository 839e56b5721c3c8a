import { createHash } from 'node:crypto';
import { logError } from '@tessera/telemetry';
import type { ApiKey, ApiKeys } from './api-keys.ts';

/** How long a revoked key may still be taken here. */
const REFRESH_MS = 2000;
/** Where the database does not answer, keys that were valid are taken this long. */
const TRUST_MS = 30_000;
/** Without a request, a key leaves the memory. */
const KEEP_MS = 60_000;
const MOST_KEPT = 10_000;
/** How often it is written which keys were used. */
const SAVE_MS = 60_000;

/** The keys that are in use here: no request waits for the database but the first of a key. */
export interface KeyRing {
  /** The valid key of this secret, or null. @throws TesseraError `storage-failed` */
  find(secret: string): Promise<ApiKey | null>;
  /** Calls `revoked` once where the key is revoked; the returned function forgets that. */
  watch(key: ApiKey, revoked: () => void): () => void;
  close(): void;
}

export function keyRing(keys: ApiKeys): KeyRing {
  const ring = new Ring(keys);
  const stop = repeat(() => ring.refresh());
  return { find: (secret) => ring.find(secret), watch: (key, revoked) => ring.watch(key.id, revoked), close: stop };
}

interface Kept {
  readonly key: ApiKey;
  /** When it was valid, and when it was asked for, in milliseconds. */
  seenAt: number;
  askedAt: number;
}

class Ring {
  readonly #keys: ApiKeys;
  /** By the hash of the secret, so that a dump of the memory shows no key. */
  readonly #kept = new Map<string, Kept>();
  readonly #watchers = new Map<string, Set<() => void>>();
  /** Ids since `savedAt`. */
  #used = new Set<string>();
  #savedAt = Date.now();

  constructor(keys: ApiKeys) {
    this.#keys = keys;
  }

  async find(secret: string): Promise<ApiKey | null> {
    const name = createHash('sha256').update(secret).digest('base64');
    const kept = this.#kept.get(name);
    const now = Date.now();
    if (kept && now - kept.seenAt < TRUST_MS) {
      kept.askedAt = now;
      this.#used.add(kept.key.id);
      return kept.key;
    }
    const key = await this.#keys.find(secret);
    if (!key) return null;
    if (this.#kept.size < MOST_KEPT) this.#kept.set(name, { key, seenAt: now, askedAt: now });
    this.#used.add(key.id);
    return key;
  }

  watch(id: string, revoked: () => void): () => void {
    const watchers = this.#watchers.get(id) ?? new Set();
    this.#watchers.set(id, watchers.add(revoked));
    return () => {
      watchers.delete(revoked);
      if (watchers.size === 0 && this.#watchers.get(id) === watchers) this.#watchers.delete(id);
    };
  }

  /** One statement, or two when it is written which keys were used. */
  async refresh(): Promise<void> {
    await this.#save();
    const ids = new Set([...this.#watchers.keys(), ...[...this.#kept.values()].map(({ key }) => key.id)]);
    if (ids.size === 0) return;
    const now = Date.now();
    const valid = new Set(await this.#keys.valid([...ids]));
    for (const [name, one] of this.#kept) {
      if (valid.has(one.key.id)) one.seenAt = now;
      const gone = ids.has(one.key.id) && !valid.has(one.key.id);
      if (gone || now - one.askedAt > KEEP_MS) this.#kept.delete(name);
    }
    for (const id of ids) if (!valid.has(id)) this.#revoke(id);
  }

  #revoke(id: string): void {
    const watchers = this.#watchers.get(id) ?? [];
    this.#watchers.delete(id);
    for (const revoked of watchers) revoked();
  }

  async #save(): Promise<void> {
    if (this.#used.size === 0 || Date.now() - this.#savedAt < SAVE_MS) return;
    const used = [...this.#used];
    this.#used = new Set();
    this.#savedAt = Date.now();
    await this.#keys.markUsed(used);
  }
}

/** One run after the other; the returned function ends them. A failure is said once, until one works again. */
function repeat(run: () => Promise<void>): () => void {
  let timer: NodeJS.Timeout | null = null;
  let failed = false;
  const next = (): void => {
    timer = setTimeout(() => {
      run()
        .then(
          () => (failed = false),
          (error: unknown) => {
            if (!failed) logError('keys could not be read again', error);
            failed = true;
          },
        )
        .then(() => {
          if (timer) next();
        });
    }, REFRESH_MS).unref();
  };
  next();
  return () => {
    if (timer) clearTimeout(timer);
    timer = null;
  };
}
