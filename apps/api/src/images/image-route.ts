import { pipeline } from 'node:stream/promises';
import type { Request, RequestHandler, Response } from 'express';
import type { Blobs, ByteRange } from '@tessera/blobs';
import { TesseraError } from '@tessera/errors';
import type { ImageUrls } from '../guard/image-urls.ts';
import { asErrors, notFound } from '../guard/refusal.ts';

interface ImageParts {
  readonly blobs: Blobs;
  /** Whose pages may show pictures. */
  readonly origins: readonly string[];
  readonly urls: ImageUrls;
}

/** `GET /images/<sha256>.png`, wherever the pictures are stored. */
export function imageRoute({ blobs, origins, urls }: ImageParts): RequestHandler {
  return async (request, response) => {
    const sha256 = String(request.params['name']).replace(/\.png$/, '');
    const admitted = urls.admit(sha256, request.query);
    if ('error' in admitted) return void response.status(admitted.status).json(asErrors(admitted.error));
    response.set({ ETag: `"${sha256}"`, 'Cache-Control': admitted.cacheControl });
    response.set('Accept-Ranges', 'bytes');
    // An <img> says not whose page it is on; the hash in the name is known to those alone who may ask for it.
    if (origins.length > 0) response.set('Cross-Origin-Resource-Policy', 'cross-origin');
    const size = needsSize(request) ? await blobs.sizeOf(sha256) : undefined;
    if (size === null) return refuseMissing(request, response);
    if (size !== undefined && request.fresh) return void response.status(304).end();
    const range = size === undefined ? undefined : rangeOf(request, size, sha256);
    if (range === 'unsatisfiable') return refuseRange(response, size!);
    await send({ blobs, sha256, range }, request, response);
  };
}

/** What asks for the picture itself is read at once. */
function needsSize({ headers }: Request): boolean {
  return headers.range !== undefined || headers['if-none-match'] !== undefined;
}

/** Several ranges, and ranges of another picture, are answered with the whole. */
function rangeOf(request: Request, size: number, sha256: string): ByteRange | 'unsatisfiable' | undefined {
  const condition = request.headers['if-range'];
  if (condition !== undefined && condition !== `"${sha256}"`) return undefined;
  const ranges = request.range(size, { combine: true });
  if (ranges === -1) return 'unsatisfiable';
  return Array.isArray(ranges) && ranges.type === 'bytes' && ranges.length === 1 ? ranges[0] : undefined;
}

interface Wanted {
  readonly blobs: Blobs;
  readonly sha256: string;
  readonly range: ByteRange | undefined;
}

async function send({ blobs, sha256, range }: Wanted, request: Request, response: Response): Promise<void> {
  const blob = await blobs.read(sha256, range);
  if (!blob) return refuseMissing(request, response);
  response.type('png');
  if (range) response.status(206).set('Content-Range', `bytes ${range.start}-${range.end}/${blob.size}`);
  response.set('Content-Length', String(range ? range.end - range.start + 1 : blob.size));
  if (request.method === 'HEAD') {
    blob.stream.destroy();
    return void response.end();
  }
  try {
    await pipeline(blob.stream, response);
  } catch (error) {
    // A client that goes away ends the reading.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}

function refuseMissing(request: Request, response: Response): void {
  for (const name of ['ETag', 'Cache-Control', 'Accept-Ranges']) response.removeHeader(name);
  response.status(404).json(asErrors(notFound(request)));
}

function refuseRange(response: Response, size: number): void {
  const error = new TesseraError({
    code: 'malformed-request',
    who: 'api',
    got: 'a range outside of the picture',
    expected: `bytes 0 to ${size - 1}`,
    next: 'Correct the header Range.',
  });
  response.status(416).set('Content-Range', `bytes */${size}`).json(asErrors(error));
}
