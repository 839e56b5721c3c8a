import { createHash } from 'node:crypto';
import { logError } from '@tessera/telemetry';
import type { ApiKey, ApiKeys } from './api-keys.ts';

/** How long a revoked key may still be taken here. */
const REFRESH_MS = 2000;
/** Where the database does not answer, keys that were valid are taken this long. */
const TRUST_MS = 30_000;
/** Without a request and a socket, a key leaves the memory. */
const KEEP_MS = 60_000;
/** How often it is written which keys were used. */
const SAVE_MS = 60_000;

/** The keys that are in use here: no request waits for the database but the first of a key. */
export interface KeyRing {
  /** The key of this secret where it is in use here. */
  known(secret: string): ApiKey | null;
  /** The valid key of this secret, or null. @throws TesseraError `storage-failed` */
  find(secret: string): Promise<ApiKey | null>;
  /** One that is in use, by its id. */
  inUse(id: string): ApiKey | null;
  /** Calls `revoked` once where the key is revoked; the returned function forgets that. */
  watch(key: ApiKey, revoked: () => void): () => void;
  close(): void;
}

export function keyRing(keys: ApiKeys): KeyRing {
  const ring = new Ring(keys);
  const stop = repeat(() => ring.refresh());
  return {
    known: (secret) => ring.known(secret),
    find: (secret) => ring.find(secret),
    inUse: (id) => ring.inUse(id),
    watch: (key, revoked) => ring.watch(key, revoked),
    close: stop,
  };
}

/** Only valid keys are kept: there are no more of them than rows in the table. */
interface Kept {
  readonly key: ApiKey;
  /** When it was valid, and when it was asked for, in milliseconds. */
  seenAt: number;
  askedAt: number;
  readonly watchers: Set<() => void>;
}

class Ring {
  readonly #keys: ApiKeys;
  readonly #kept = new Map<string, Kept>();
  readonly #idOf = new Map<string, string>();
  /** Ids since `savedAt`. */
  #used = new Set<string>();
  #savedAt = Date.now();

  constructor(keys: ApiKeys) {
    this.#keys = keys;
  }

  known(secret: string): ApiKey | null {
    const kept = this.#kept.get(this.#idOf.get(nameOf(secret)) ?? '');
    if (!kept || Date.now() - kept.seenAt >= TRUST_MS) return null;
    this.#use(kept);
    return kept.key;
  }

  async find(secret: string): Promise<ApiKey | null> {
    const key = await this.#keys.find(secret);
    if (!key) return null;
    this.#idOf.set(nameOf(secret), key.id);
    this.#use(this.#keep(key));
    return key;
  }

  inUse(id: string): ApiKey | null {
    return this.#kept.get(id)?.key ?? null;
  }

  watch(key: ApiKey, revoked: () => void): () => void {
    const { watchers } = this.#kept.get(key.id) ?? this.#keep(key);
    watchers.add(revoked);
    return () => void watchers.delete(revoked);
  }

  #keep(key: ApiKey): Kept {
    const { watchers = new Set<() => void>() } = this.#kept.get(key.id) ?? {};
    const kept = { key, seenAt: Date.now(), askedAt: Date.now(), watchers };
    this.#kept.set(key.id, kept);
    return kept;
  }

  #use(kept: Kept): void {
    kept.askedAt = Date.now();
    this.#used.add(kept.key.id);
  }

  /** One statement, or two when it is written which keys were used. */
  async refresh(): Promise<void> {
    await this.#save();
    const ids = [...this.#kept.keys()];
    if (ids.length === 0) return;
    const now = Date.now();
    const valid = new Set(await this.#keys.valid(ids));
    for (const id of ids) {
      const kept = this.#kept.get(id)!;
      if (!valid.has(id)) this.#drop(kept);
      else if (kept.watchers.size === 0 && now - kept.askedAt > KEEP_MS) this.#drop(kept);
      else kept.seenAt = now;
    }
  }

  /** Of a key that is idle, or revoked: then its watchers hear it. */
  #drop({ key, watchers }: Kept): void {
    this.#kept.delete(key.id);
    for (const [name, id] of this.#idOf) if (id === key.id) this.#idOf.delete(name);
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

/** Of a secret: a dump of the memory shows no key. */
function nameOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64');
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
