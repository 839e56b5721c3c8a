import type { Blobs } from '@tessera/blobs';
import { keepPicture } from '@tessera/pictures';
import type { Database } from '../storage/database.ts';

/** A picture that a client has sent, as it is stored. */
export interface Upload {
  /** SHA-256 of the stored PNG: the same pixels have the same id, and are served like every image. */
  readonly id: string;
  readonly height: number;
  readonly width: number;
}

export interface Uploads {
  /**
   * Stores the pixels of a file as PNG; it survives the end of this process.
   * @throws TesseraError as `keepPicture` of @tessera/pictures, and `storage-failed`
   */
  add(bytes: Uint8Array): Promise<Upload>;
  /** True for what may be edited: a picture that was uploaded, or a finished image. */
  has(id: string): Promise<boolean>;
}

export function openUploads(database: Database, blobs: Blobs): Uploads {
  let last: Promise<unknown> = Promise.resolve();
  /** One after the other: a large picture takes much memory while it is decoded. */
  const inTurn = <T>(task: () => Promise<T>): Promise<T> => {
    const mine = last.then(task, task);
    last = mine.catch(() => undefined);
    return mine;
  };
  return {
    async add(bytes) {
      const { png, height, width } = await inTurn(() => keepPicture(bytes, 'uploads'));
      const id = await blobs.put(png);
      const sql = 'INSERT INTO upload (id, height, width) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING';
      await database.query(sql, [id, height, width]);
      return { id, height, width };
    },
    async has(id) {
      // First what is no hash: PostgreSQL takes no text with a zero in it.
      if ((await blobs.sizeOf(id)) === null) return false;
      const sql = `SELECT 1 FROM upload WHERE id = $1 UNION ALL SELECT 1 FROM generation WHERE images ? $1 LIMIT 1`;
      const { rows } = await database.query(sql, [id]);
      return rows.length > 0;
    },
  };
}
