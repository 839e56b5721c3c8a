import type { Blobs } from '@tessera/blobs';
import { meters } from './meters.ts';
import { replaceMethods } from './replace-methods.ts';
import { inSpan } from './tracing.ts';

/** The same pictures, with the time and the bytes of reading and writing them. A `put` hangs below what is active. */
export function measuredBlobs(blobs: Blobs): Blobs {
  return replaceMethods(blobs, {
    put: (png, options) =>
      inSpan('put', { attributes: { 'tessera.bytes': png.byteLength } }, async () => {
        const sha256 = await timed('put', blobs.put(png, options));
        meters.blobBytes.inc({ operation: 'put' }, png.byteLength);
        return sha256;
      }),
    async read(sha256, range) {
      const blob = await timed('read', blobs.read(sha256, range));
      const { start, end } = range ?? { start: 0, end: Infinity };
      if (blob) meters.blobBytes.inc({ operation: 'read' }, Math.max(0, Math.min(end + 1, blob.size) - start));
      return blob;
    },
    fileOf: (sha256) => timed('file', blobs.fileOf(sha256)),
    remove: (sha256s, writtenBefore) => timed('remove', blobs.remove(sha256s, writtenBefore)),
  });
}

async function timed<T>(operation: string, call: Promise<T>): Promise<T> {
  const end = meters.blobs.startTimer({ operation });
  try {
    return await call;
  } catch (error) {
    meters.storageErrors.inc({ storage: 'pictures' });
    throw error;
  } finally {
    end();
  }
}
