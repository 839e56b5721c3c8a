import type { Blobs } from '@tessera/blobs';
import { isTesseraError } from '@tessera/errors';
import { keepPicture } from '@tessera/pictures';
import type { Owner, PictureRecords } from '@tessera/store';
import { meters } from '@tessera/telemetry';

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
  add(owner: Owner, bytes: Uint8Array): Promise<Upload>;
}

export function openUploads(pictures: Pick<PictureRecords, 'add'>, blobs: Blobs): Uploads {
  let last: Promise<unknown> = Promise.resolve();
  /** One after the other: a large picture takes much memory while it is decoded. */
  const inTurn = <T>(task: () => Promise<T>): Promise<T> => {
    const mine = last.then(task, task);
    last = mine.catch(() => undefined);
    return mine;
  };
  return {
    add: ({ tenant }, bytes) =>
      counted(bytes, async () => {
        const { png, height, width } = await inTurn(() => keepPicture(bytes, 'uploads'));
        const id = await blobs.put(png);
        await pictures.add(tenant, { sha256: id, height, width, bytes: png.byteLength });
        return { id, height, width };
      }),
  };
}

async function counted(bytes: Uint8Array, store: () => Promise<Upload>): Promise<Upload> {
  try {
    const upload = await store();
    meters.uploads.inc({ result: 'stored' });
    meters.uploadBytes.inc(bytes.length);
    return upload;
  } catch (error) {
    meters.uploads.inc({ result: isTesseraError(error) ? error.code : 'error' });
    throw error;
  }
}
