import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Where a stored picture is served. It never changes, since its name is the hash of its content. */
export function imageUrl(sha256: string): string {
  return `/images/${sha256}.png`;
}

/** PNG files named after their content: the same picture is stored once and never changes. */
export interface BlobStore {
  /** Stores the bytes and returns their SHA-256 in hex. */
  put(png: Uint8Array): Promise<string>;
  /** The file of a hash, or null where there is none (or the text is not a hash). */
  pathOf(sha256: string): string | null;
}

/** Opens the folder, of which no other process may make use, and removes the drafts that a killed process has left. */
export function blobStore(directory: string): BlobStore {
  removeDrafts(directory);
  const fileOf = (sha256: string) => join(directory, sha256.slice(0, 2), `${sha256}.png`);
  return {
    async put(png) {
      const sha256 = createHash('sha256').update(png).digest('hex');
      const file = fileOf(sha256);
      if (existsSync(file)) return sha256;
      mkdirSync(dirname(file), { recursive: true });
      // Readers see the whole file or none, also when the process ends in between.
      const draft = `${file}.${randomUUID()}`;
      try {
        await writeFile(draft, png, { flush: true });
        await rename(draft, file);
      } catch (error) {
        // A full disk is the fuller for what is left of it.
        await rm(draft, { force: true });
        throw error;
      }
      return sha256;
    },
    pathOf(sha256) {
      if (!/^[0-9a-f]{64}$/.test(sha256)) return null;
      const file = fileOf(sha256);
      return existsSync(file) ? file : null;
    },
  };
}

/** Only what `put` has named: whatever else somebody keeps there is theirs. */
function removeDrafts(directory: string): void {
  if (!existsSync(directory)) return;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const isDraft = entry.isFile() && /^[0-9a-f]{64}\.png\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(entry.name);
    if (isDraft) rmSync(join(entry.parentPath, entry.name), { force: true });
  }
}
