import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** PNG files named after their content: the same picture is stored once and never changes. */
export interface BlobStore {
  /** Stores the bytes and returns their SHA-256 in hex. */
  put(png: Uint8Array): Promise<string>;
  /** The file of a hash, or null where there is none (or the text is not a hash). */
  pathOf(sha256: string): string | null;
}

export function blobStore(directory: string): BlobStore {
  const fileOf = (sha256: string) => join(directory, sha256.slice(0, 2), `${sha256}.png`);
  return {
    async put(png) {
      const sha256 = createHash('sha256').update(png).digest('hex');
      const file = fileOf(sha256);
      if (existsSync(file)) return sha256;
      mkdirSync(dirname(file), { recursive: true });
      // Readers see the whole file or none, also when the process ends in between.
      const draft = `${file}.${randomUUID()}`;
      await writeFile(draft, png, { flush: true });
      await rename(draft, file);
      return sha256;
    },
    pathOf(sha256) {
      if (!/^[0-9a-f]{64}$/.test(sha256)) return null;
      const file = fileOf(sha256);
      return existsSync(file) ? file : null;
    },
  };
}
