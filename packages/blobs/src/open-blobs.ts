import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TesseraError } from '@tessera/errors';
import type { Blobs } from './blobs.ts';
import { fileBlobs } from './file-blobs.ts';
import { s3Blobs, type S3Options } from './s3-blobs.ts';

/**
 * Opens the pictures of an installation: TESSERA_BLOBS is a folder or `s3://bucket/prefix`; where it is left out, `folder`
 * has them.
 * @throws TesseraError `blobs-invalid`
 */
export async function openBlobs(folder: string, place = process.env['TESSERA_BLOBS']): Promise<Blobs> {
  if (!place) return fileBlobs(folder);
  const protocol = /^([a-z][a-z\d+.-]+):\/\//i.exec(place)?.[1]!.toLowerCase();
  if (protocol === undefined) return fileBlobs(place);
  if (protocol === 'file' && URL.canParse(place)) return fileBlobs(fileURLToPath(place));
  const s3 = protocol === 's3' ? readS3(place) : null;
  if (s3) return s3Blobs(s3);
  throw new TesseraError({
    code: 'blobs-invalid',
    who: 'blobs',
    got: `TESSERA_BLOBS=${place.slice(0, 100)}`,
    expected: 'a folder, or s3://bucket/prefix',
    next: 'Endpoint, region and keys come from AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.',
  });
}

/** Names of buckets as AWS allows them, and keys without what a URL would have to escape. */
function readS3(place: string): S3Options | null {
  const parts = /^s3:\/\/([a-z\d][a-z\d.-]{1,61}[a-z\d])(?:\/([\w!.*'()/-]*))?$/i.exec(place);
  if (!parts) return null;
  const prefix = (parts[2] ?? '').replace(/\/+$/, '');
  return { bucket: parts[1]!, prefix: prefix && `${prefix}/`, cache: join(tmpdir(), 'tessera-pictures') };
}
