import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, type Dirent } from 'node:fs';
import { access, constants, mkdir, open, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';
import { isTesseraError } from '@tessera/errors';
import { isSha256, storageFailed, type Blobs, type ByteRange, type PutOptions, type StoredBlob } from './blobs.ts';

/** Drafts of this age belong to no living process. */
const DRAFT_AGE_MS = 60 * 60 * 1000;
/** Names of files that were found whole, kept in memory. */
const MOST_WHOLE = 20_000;
const DRAFTS = 'drafts';

/** PNG files in a folder that any number of processes and machines may share. It is made with the first picture. */
export function fileBlobs(directory: string): Blobs {
  return new FileBlobs(directory);
}

/**
 * A picture is written to `drafts/` and then renamed to `ab/abcd….png`, so that no reader sees a part of it. A power cut
 * may still leave a file without its content where no process waited for the disk: the first read of each file by a process
 * compares the hash.
 */
class FileBlobs implements Blobs {
  readonly kind = 'files';
  readonly #directory: string;
  readonly #whole = new Set<string>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  put(png: Uint8Array, { durable = true }: PutOptions = {}): Promise<string> {
    return this.#try(async () => {
      const sha256 = createHash('sha256').update(png).digest('hex');
      const file = this.#pathOf(sha256);
      if (await this.#renew(file, sha256)) {
        if (durable) await flush(file);
      } else {
        await this.#write(file, png, durable);
        this.#rememberWhole(sha256);
      }
      if (durable) await flush(dirname(file));
      return sha256;
    });
  }

  async read(sha256: string, range?: ByteRange): ReturnType<Blobs['read']> {
    const size = await this.sizeOf(sha256);
    if (size === null) return null;
    return { size, stream: createReadStream(this.#pathOf(sha256), { ...range }) };
  }

  sizeOf(sha256: string): Promise<number | null> {
    return this.#try(() => this.#sizeIfWhole(sha256));
  }

  async fileOf(sha256: string): Promise<string | null> {
    return (await this.sizeOf(sha256)) === null ? null : this.#pathOf(sha256);
  }

  async *list(): AsyncIterable<StoredBlob> {
    for (const folder of await this.#entries('')) {
      if (!folder.isDirectory() || !/^[0-9a-f]{2}$/.test(folder.name)) continue;
      for (const entry of await this.#entries(folder.name)) {
        const sha256 = basename(entry.name, '.png');
        const found = isSha256(sha256) && (await unlessMissing(stat(this.#pathOf(sha256))));
        if (found) yield { sha256, size: found.size, writtenAt: found.mtime };
        else await removeIfOld(join(this.#directory, folder.name, entry.name), isDraft(entry.name));
      }
    }
    for (const { name } of await this.#entries(DRAFTS)) {
      await removeIfOld(join(this.#directory, DRAFTS, name), true);
    }
  }

  remove(sha256s: readonly string[], writtenBefore: Date): Promise<void> {
    return this.#try(async () => {
      for (const sha256 of sha256s.filter(isSha256)) await this.#removeOne(sha256, writtenBefore);
    });
  }

  ready(): Promise<void> {
    return this.#try(async () => {
      await mkdir(this.#directory, { recursive: true });
      await access(this.#directory, constants.W_OK);
    });
  }

  async close(): Promise<void> {
    // Nothing is held open.
  }

  /** True where the file is there and whole; its age begins again. */
  async #renew(file: string, sha256: string): Promise<boolean> {
    const now = new Date();
    const found = await unlessMissing(utimes(file, now, now).then(() => true));
    return found === true && (await this.#sizeIfWhole(sha256)) !== null;
  }

  async #write(file: string, png: Uint8Array, durable: boolean): Promise<void> {
    const draft = join(this.#directory, DRAFTS, randomUUID());
    await mkdir(dirname(draft), { recursive: true });
    try {
      await writeFile(draft, png, { flush: durable });
      const made = await mkdir(dirname(file), { recursive: true });
      if (made && durable) await flush(dirname(made));
      await rename(draft, file);
    } catch (error) {
      // A full disk is the fuller for what is left of it.
      await rm(draft, { force: true });
      throw error;
    }
  }

  async #sizeIfWhole(sha256: string): Promise<number | null> {
    if (!isSha256(sha256)) return null;
    const file = this.#pathOf(sha256);
    const found = await unlessMissing(stat(file));
    if (!found) return null;
    if (!this.#whole.has(sha256)) {
      if ((await unlessMissing(hashOf(file))) !== sha256) return null;
      this.#rememberWhole(sha256);
    }
    return found.size;
  }

  /** Moved aside first: a `put` at this moment either finds it and renews its age, which is seen, or writes another. */
  async #removeOne(sha256: string, writtenBefore: Date): Promise<void> {
    const file = this.#pathOf(sha256);
    const found = await unlessMissing(stat(file));
    if (!found || found.mtime >= writtenBefore) return;
    const aside = join(this.#directory, DRAFTS, randomUUID());
    await mkdir(dirname(aside), { recursive: true });
    if ((await unlessMissing(rename(file, aside).then(() => true))) === null) return;
    const { mtime } = await stat(aside);
    if (mtime < writtenBefore) await rm(aside, { force: true });
    else await rename(aside, file);
  }

  #rememberWhole(sha256: string): void {
    if (this.#whole.size >= MOST_WHOLE) this.#whole.delete(this.#whole.values().next().value!);
    this.#whole.add(sha256);
  }

  #pathOf(sha256: string): string {
    return join(this.#directory, sha256.slice(0, 2), `${sha256}.png`);
  }

  async #entries(folder: string): Promise<Dirent[]> {
    return this.#try(async () => {
      return (await unlessMissing(readdir(join(this.#directory, folder), { withFileTypes: true }))) ?? [];
    });
  }

  async #try<T>(task: () => Promise<T>): Promise<T> {
    try {
      return await task();
    } catch (error) {
      throw isTesseraError(error) ? error : storageFailed(`the folder ${this.#directory}`, error);
    }
  }
}

/** As versions before this one named drafts, beside the files: whatever else somebody keeps there is theirs. */
function isDraft(name: string): boolean {
  return /^[0-9a-f]{64}\.png\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name);
}

async function removeIfOld(file: string, isOurs: boolean): Promise<void> {
  const found = isOurs && (await unlessMissing(stat(file)));
  if (found && found.mtimeMs < Date.now() - DRAFT_AGE_MS) await rm(file, { force: true });
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Waits until the disk has a file, or the entries of a folder. Windows knows that only of files open for writing. */
async function flush(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Null where there is no such file. */
async function unlessMissing<T>(task: Promise<T>): Promise<T | null> {
  try {
    return await task;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
